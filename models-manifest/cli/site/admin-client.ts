import * as v from 'valibot';
import { DiptychError, type ErrorCode, type ErrorDetails, ERRORS } from '../../../shared/errors.ts';
import { isLoopback } from './admin-token.ts';

/** What a request of `AdminClient` gives. */
interface Answered<T> {
  body: T;
  /** For If-Match. */
  etag: string | undefined;
}

interface AdminRequest {
  body?: object;
  ifMatch?: string | undefined;
}

const Problem = v.looseObject({ code: v.string(), detail: v.string() });

/** Of problem+json, beside the details of the code. */
const STANDARD = new Set(['type', 'title', 'status', 'code', 'detail', 'request_id']);

/** An answer that takes longer never comes. */
const TIMEOUT_MS = 30_000;

/** The admin API of one edge. */
export class AdminClient {
  readonly #edge: URL;
  readonly #headers: Record<string, string>;

  /** @throws `usage` where the credentials would travel unencrypted, or there are none */
  constructor(edge: URL, token: string | undefined) {
    this.#edge = edge;
    this.#headers = { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...accessServiceToken() };
    if (edge.protocol !== 'https:' && !isLoopback(edge))
      throw new DiptychError('usage', `${edge.origin} is not https: anybody on the way could read the token`, { edge: edge.origin });
    if (Object.keys(this.#headers).length === 0) throw noCredentials(edge);
  }

  /**
   * The answer, checked.
   *
   * @throws the edge's own code; `edge_unreachable` when there is no answer, or it is none of the admin API's
   */
  async request<S extends v.GenericSchema>(
    method: string,
    path: string,
    schema: S,
    { body, ifMatch }: AdminRequest = {},
  ): Promise<Answered<v.InferOutput<S>>> {
    const response = await this.#fetch(path, {
      method,
      headers: {
        ...this.#headers,
        ...(body && { 'content-type': 'application/json' }),
        ...(ifMatch !== undefined && { 'if-match': ifMatch }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw this.#refusal(response, answer);
    const result = v.safeParse(schema, answer);
    if (result.success) return { body: result.output, etag: response.headers.get('etag') ?? undefined };
    throw this.#notTheApi(response);
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      // The token goes to nobody but the edge.
      return await fetch(new URL(path, this.#edge), { ...init, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (thrown) {
      const reason = thrown instanceof Error ? ((thrown.cause as Error | undefined)?.message ?? thrown.message) : String(thrown);
      throw new DiptychError('edge_unreachable', `${this.#edge.origin} does not answer (${reason}). Is it running? --edge names another`, {
        edge: this.#edge.origin,
      });
    }
  }

  #refusal(response: Response, answer: unknown): DiptychError {
    const problem = v.safeParse(Problem, answer);
    if (!problem.success || !(problem.output.code in ERRORS)) return this.#notTheApi(response);
    const { code, detail } = problem.output;
    const details = Object.fromEntries(Object.entries(problem.output).filter(([name]) => !STANDARD.has(name))) as ErrorDetails;
    return new DiptychError(code as ErrorCode, detail, details);
  }

  #notTheApi({ status, headers }: Response): DiptychError {
    const type = headers.get('content-type') ?? 'no content type';
    const message = `${this.#edge.origin} answered ${status} (${type}), which is not this version’s admin API. Is --edge the address of the edge?`;
    return new DiptychError('edge_unreachable', message, { edge: this.#edge.origin, status });
  }
}

/** With which a script passes Cloudflare Access, where that stands before the admin API. */
function accessServiceToken(): Record<string, string> {
  const { CF_ACCESS_CLIENT_ID: id, CF_ACCESS_CLIENT_SECRET: secret } = process.env;
  return id && secret ? { 'cf-access-client-id': id, 'cf-access-client-secret': secret } : {};
}

function noCredentials(edge: URL): DiptychError {
  const here = isLoopback(edge) ? ', or start the edge in this folder with npm start, which makes one in .dev.vars' : '';
  return new DiptychError('usage', `no admin token for ${edge.origin}: set DIPTYCH_ADMIN_TOKEN, or give --token-file${here}`, {
    edge: edge.origin,
  });
}
