/**
 * Every way in which Diptych refuses or fails, by a stable code. The edge answers with it (`application/problem+json`), the engine
 * rejects with it, telemetry counts it; `title` is what a person reads first, `status` what the edge answers (400 where it never does).
 */
export const ERRORS = {
  // requests to the edge
  request_invalid: { status: 400, title: 'The request is not of the documented form' },
  site_key_missing: { status: 401, title: 'The request names no site key' },
  site_unknown: { status: 403, title: 'No site has this key' },
  site_disabled: { status: 403, title: 'This site is disabled' },
  origin_not_allowed: { status: 403, title: 'This origin is not one of the site’s allowed origins' },
  signature_missing: { status: 401, title: 'The download address is not signed' },
  signature_invalid: { status: 403, title: 'The signature does not match this address' },
  signature_expired: { status: 403, title: 'The signed address has expired' },
  signature_other_site: { status: 403, title: 'The address was signed for another site' },
  admin_credentials_missing: { status: 401, title: 'This route is the operator’s, and the request carries no credentials' },
  admin_credentials_invalid: { status: 401, title: 'These admin credentials are not accepted' },
  site_not_found: { status: 404, title: 'There is no such site' },
  site_key_not_found: { status: 404, title: 'The site has no such key' },
  site_exists: { status: 409, title: 'There is a site of this id already' },
  site_changed: { status: 412, title: 'The site was changed in the meantime' },
  blob_not_found: { status: 404, title: 'No such file in the store' },
  route_not_found: { status: 404, title: 'No such route' },
  method_not_allowed: { status: 405, title: 'This route does not take that method' },
  payload_too_large: { status: 413, title: 'The request body is too large' },
  range_not_satisfiable: { status: 416, title: 'The range lies outside the file' },
  rate_limited: { status: 429, title: 'Too many requests' },
  quota_exceeded: { status: 429, title: 'This site’s share of today is used up' },
  catalogue_missing: { status: 503, title: 'Nothing is published yet' },
  edge_not_ready: { status: 503, title: 'The edge is not set up completely' },
  internal: { status: 500, title: 'Something broke on our side' },
  edge_unreachable: { status: 400, title: 'The edge’s admin API did not answer' },
  // weights on their way to the browser
  download_failed: { status: 400, title: 'A download failed' },
  blob_size_mismatch: { status: 400, title: 'A downloaded file has the wrong size' },
  blob_corrupt: { status: 400, title: 'A downloaded file does not match its SHA-256' },
  // ONNX files
  onnx_malformed: { status: 400, title: 'The file is not a readable ONNX model' },
  onnx_invalid: { status: 400, title: 'The ONNX graph is not valid' },
  graph_unsupported: { status: 400, title: 'This graph cannot be used' },
  pipeline_incomplete: { status: 400, title: 'The pipeline folder lacks something' },
  // LoRA files
  lora_truncated: { status: 400, title: 'The LoRA file is cut short' },
  lora_header_invalid: { status: 400, title: 'The LoRA file’s header is not valid safetensors' },
  lora_dtype_unsupported: { status: 400, title: 'A LoRA tensor has an unsupported data type' },
  lora_variant_unsupported: { status: 400, title: 'This kind of adapter is not a plain LoRA' },
  lora_key_unknown: { status: 400, title: 'A LoRA tensor belongs to no layer of the model' },
  lora_pair_incomplete: { status: 400, title: 'A LoRA layer lacks one of its two matrices' },
  lora_shape_mismatch: { status: 400, title: 'A LoRA tensor does not fit its layer' },
  lora_rank_too_large: { status: 400, title: 'A LoRA rank exceeds its layer' },
  lora_not_finite: { status: 400, title: 'A LoRA tensor holds NaN or infinity' },
  // command line and store
  usage: { status: 400, title: 'The command was not understood' },
  store_invalid: { status: 400, title: 'The store cannot be read' },
  manifest_invalid: { status: 503, title: 'The catalogue is not of the documented form' },
  not_in_catalogue: { status: 400, title: 'The catalogue has no such entry' },
  // the engine
  webgpu_unavailable: { status: 400, title: 'This browser offers no WebGPU adapter' },
  model_too_large_for_wasm: { status: 400, title: 'Without WebGPU this model is too large for this browser' },
  session_failed: { status: 400, title: 'The model could not be started' },
  guidance_unavailable: { status: 400, title: 'There is nothing to guide by' },
  cancelled: { status: 400, title: 'Cancelled' },
  engine_busy: { status: 400, title: 'Another picture is being made' },
  engine_died: { status: 400, title: 'The background worker stopped' },
  // the embed
  embed_refused: { status: 400, title: 'The studio refused this page' },
  embed_unreachable: { status: 400, title: 'The studio did not answer' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** Facts about one failure that survive structured clone and JSON: which file, field, key, and what was expected. */
export type ErrorDetails = Record<string, string | number | boolean | null | readonly (string | number)[]>;

/** An error with a stable code. `message` names the file, the field and the fix. */
export class DiptychError extends Error {
  override readonly name = 'DiptychError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  /** What `postMessage` and `application/problem+json` carry. */
  toJSON(): { code: ErrorCode; message: string; details: ErrorDetails } {
    return { code: this.code, message: this.message, details: this.details };
  }
}

/** Any thrown thing as a `DiptychError`; what is not one already becomes `fallback` with its own message. */
export function asDiptychError(thrown: unknown, fallback: ErrorCode = 'internal'): DiptychError {
  if (thrown instanceof DiptychError) return thrown;
  return new DiptychError(fallback, thrown instanceof Error ? thrown.message : String(thrown), {}, { cause: thrown });
}
