export default [
  { files: ["**/*.js"], rules: { "no-eval": "error", "no-implied-eval": "error", "no-new-func": "error" } },
];
