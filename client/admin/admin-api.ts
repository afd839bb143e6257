import { DiptychError } from '../../shared/errors.ts';
import { problemOf } from '../engine/weights/problem.ts';

interface Request {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  body?: unknown;
  /** Of If-Match: the change holds only where the site is still of this ETag. */
  match?: string | undefined;
  signal?: AbortSignal;
}

/** The edge's admin API, asked with the token of this tab, or without one behind Cloudflare Access. */
export class AdminApi {
  readonly #fetch: typeof fetch;
  readonly #token: () => string | undefined;

  constructor(fetcher: typeof fetch, token: () => string | undefined) {
    this.#fetch = fetcher;
    this.#token = token;
  }

  /**
   * @throws the edge's own codes, `edge_unreachable` where it does not answer, `AbortError` when `signal` is aborted
   */
  async json<T>(path: string, request: Request = {}): Promise<T> {
    const response = await this.response(path, request);
    return response.json().catch((thrown: unknown) => {
      if (request.signal?.aborted) throw thrown;
      throw new DiptychError(
        'edge_unreachable',
        `${path.split('?')[0]} answered something that is not JSON. A proxy may stand before the edge.`,
      );
    }) as Promise<T>;
  }

  /** @throws as `json` */
  async response(path: string, { method = 'GET', body, match, signal }: Request = {}): Promise<Response> {
    const token = this.#token();
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(match !== undefined && { 'if-match': match }),
    };
    const init = { method, headers, cache: 'no-store', redirect: 'manual', ...(signal && { signal }) } as const;
    const response = await this.#fetch(path, body === undefined ? init : { ...init, body: JSON.stringify(body) }).catch(
      (thrown: unknown) => {
        if (signal?.aborted) throw thrown;
        throw new DiptychError('edge_unreachable', 'The edge did not answer. Check the connection, then try again.');
      },
    );
    // Cloudflare Access sends a request whose session has ended to its sign-in page.
    if (response.type === 'opaqueredirect')
      throw new DiptychError('edge_unreachable', 'The session of Cloudflare Access has ended. Reload this page to sign in again.');
    if (!response.ok) throw edgeError(await problemOf(response));
    return response;
  }
}

/** What names no code of the edge, such as the page of a proxy, is no failed download here. */
const edgeError = (problem: DiptychError): DiptychError =>
  problem.code === 'download_failed' ? new DiptychError('edge_unreachable', problem.message, problem.details) : problem;
