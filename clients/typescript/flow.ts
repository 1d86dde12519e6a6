// What somebody writes with the generated types: from a report to a certificate, and a refusal read.
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./ctem.js";

type Schemas = components["schemas"];
type Given = {
  upload: Schemas["UploadRequest"];
  gate: Schemas["GateRequest"];
  review: Schemas["NewReviewRequest"];
  merge: Schemas["MergeRequest"];
};

const given = JSON.parse(readFileSync(0, "utf8")) as Given;

function client(role: string) {
  const baseUrl = process.env["CTEM"] ?? "";
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${process.env[role]}` } });
}

function told<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const pipeline = client("PIPELINE");
const approver = client("APPROVER");
const header = { Prefer: "wait=60" };

const scan = told(await pipeline.POST("/api/v1/scans/", { params: { header }, body: given.upload }));
if (!("tool" in scan)) throw new Error("the asset is not there");
console.log("scan", scan.state, scan.tool);

const asset = given.upload.asset ?? 0;
const query = { asset, page_size: 10 };
const page = told(await pipeline.GET("/api/v1/findings/", { params: { query } }));
const finding = page.results[0];
if (finding === undefined) throw new Error("no finding");
console.log("finding", finding.rule, finding.severity, finding.path, finding.status);

const answer = told(
  await pipeline.POST("/api/v1/gate/", {
    params: { header: { ...header, "Idempotency-Key": "ts-1" } },
    body: { ...given.gate, findings: [finding.id] },
  }),
);
console.log("gate", answer.verdict, answer.lamps.safe, answer.lamps.right);

const path = { id: finding.id };
const refused = await pipeline.POST("/api/v1/findings/{id}/transitions/", {
  params: { path },
  body: { name: "complete" },
});
const problem = refused.error;
console.log("refused", problem?.status, problem?.type, problem?.checks?.[0]?.id);

const fix = { id: answer.remediation.id };
const review = told(
  await approver.POST("/api/v1/remediations/{id}/reviews/", { params: { path: fix }, body: given.review }),
);
console.log("review", review.decision, review.reviewer?.username);

const merged = told(
  await pipeline.POST("/api/v1/remediations/{id}/merge/", { params: { path: fix }, body: given.merge }),
);
const now = told(await pipeline.GET("/api/v1/findings/{id}/", { params: { path } }));
console.log("merged", merged.state, now.status);

const certificate = told(
  await pipeline.GET("/api/v1/findings/{id}/certificate/", { params: { path } }),
);
if (typeof certificate === "string" || !("signatures" in certificate) || !Array.isArray(certificate.signatures)) throw new Error("no envelope");
console.log("certificate", certificate.payloadType, certificate.signatures.length);
