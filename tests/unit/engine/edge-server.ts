import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BlobRef } from '../../../shared/manifest.ts';

export interface Refusal {
  status: number;
  code: string;
  /** As in the header. */
  retryAfter?: string;
}

/** How the server mistreats a blob; each list holds what happens at the first, second ... request, and then nothing does. */
export interface Mischief {
  /** Closes the connection after so many bytes of the answer. */
  cutAfter?: number[];
  /** Answers with this status and code, and this Retry-After. */
  refuse?: Refusal[];
  /** Serves these bytes instead. */
  serve?: Uint8Array;
  /** Ignores the Range header. */
  noRanges?: boolean;
}

export interface WeightRequest {
  sha256: string;
  url: string;
  range: string | undefined;
}

/** A small edge over real HTTP: signs addresses, serves blobs by range, and breaks as it is told. */
export class EdgeServer {
  readonly requests: WeightRequest[] = [];
  readonly signed: string[][] = [];
  /** How the first, second ... request for addresses is answered; then they are signed. */
  readonly refuseToSign: Refusal[] = [];
  /** Added to each address, so that a renewed one differs. */
  epoch = 0;
  readonly #blobs = new Map<string, { bytes: Uint8Array; mischief: Mischief }>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async start(): Promise<EdgeServer> {
    const edge = new EdgeServer();
    edge.#server.listen(0, '127.0.0.1');
    await once(edge.#server, 'listening');
    return edge;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  add(bytes: Uint8Array, mischief: Mischief = {}): BlobRef {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.#blobs.set(sha256, { bytes, mischief });
    return { sha256, bytes: bytes.byteLength };
  }

  /** What is to happen to a blob that was added, for changing. */
  mischief(sha256: string): Mischief {
    return this.#blobs.get(sha256)!.mischief;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, this.origin);
    if (request.method === 'POST' && url.pathname === '/v1/downloads') return this.#sign(request, response);
    const sha256 = url.pathname.split('/').at(-1)!;
    this.requests.push({ sha256, url: url.href, range: request.headers.range });
    const { bytes, mischief } = this.#blobs.get(sha256)!;
    const refusal = mischief.refuse?.shift();
    if (refusal) return problem(response, refusal);
    return send(response, mischief.serve ?? bytes, mischief.noRanges ? undefined : request.headers.range, mischief.cutAfter?.shift());
  }

  async #sign(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const refusal = this.refuseToSign.shift();
    if (refusal) return problem(response, refusal);
    const { hashes } = JSON.parse(Buffer.concat(chunks).toString()) as { hashes: string[] };
    this.signed.push(hashes);
    this.epoch += 1;
    const downloads = hashes.map((hash) => ({
      sha256: hash,
      bytes: this.#blobs.get(hash)!.bytes.byteLength,
      url: `${this.origin}/v1/weights/${hash}?exp=${this.epoch}`,
    }));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ downloads }));
  }
}

function problem(response: ServerResponse, { status, code, retryAfter }: Refusal): void {
  response.writeHead(status, { 'content-type': 'application/problem+json', ...(retryAfter && { 'retry-after': retryAfter }) });
  response.end(JSON.stringify({ code, detail: `refused with ${code}`, status }));
}

function send(response: ServerResponse, bytes: Uint8Array, range: string | undefined, cutAfter: number | undefined): void {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const body = bytes.subarray(start);
  const headers = { 'content-length': body.byteLength };
  if (start > 0) response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${bytes.byteLength - 1}/${bytes.byteLength}` });
  else response.writeHead(200, headers);
  if (cutAfter === undefined) response.end(body);
  else response.write(body.subarray(0, cutAfter), () => response.destroy());
}
