// The rules of the built-in recipe "eslint". Changing them makes another recipe: its digest is evidence.
export default [
  {
    files: ["**/*.js", "**/*.mjs", "**/*.cjs", "**/*.jsx"],
    languageOptions: { parserOptions: { ecmaFeatures: { jsx: true } } },
    linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: "off" },
    rules: {
      "no-control-regex": "error",
      "no-debugger": "error",
      "no-eval": "error",
      "no-global-assign": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-prototype-builtins": "error",
      "no-script-url": "error",
      "no-unsafe-finally": "error",
    },
  },
];
