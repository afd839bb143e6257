import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signatureOfUrl } from '../edge/signature-v4.ts';

/** A rule of `wrangler r2 bucket cors set --file`. */
export interface CorsRule {
  allowed: { origins: string[]; methods: string[]; headers: string[] };
  exposeHeaders: string[];
  maxAgeSeconds: number;
}

interface BucketOptions {
  name: string;
  accessKeyId: string;
  secret: string;
  /** The bytes under a key, if there are any. */
  read(key: string): Promise<Uint8Array | undefined>;
}

/** A bucket behind S3's API, as far as presigned downloads by a browser go: signatures, expiry, CORS, ranges; refusals are S3's XML. */
export class BucketServer {
  /** Keys that were served. */
  readonly served: string[] = [];
  /** Codes of refusals. */
  readonly refused: string[] = [];
  /** How many addresses it takes for expired from now on. */
  expire = 0;
  cors: CorsRule[] = [];
  readonly #options: BucketOptions;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  private constructor(options: BucketOptions) {
    this.#options = options;
  }

  static async start(options: BucketOptions): Promise<BucketServer> {
    const bucket = new BucketServer(options);
    bucket.#server.listen(0);
    await once(bucket.#server, 'listening');
    return bucket;
  }

  get origin(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  get address(): string {
    return `${this.origin}/${this.#options.name}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, this.origin);
    const rule = this.#ruleFor(request);
    if (rule) {
      response.setHeader('access-control-allow-origin', request.headers.origin!);
      response.setHeader('access-control-expose-headers', rule.exposeHeaders.join(', '));
    }
    if (request.method === 'OPTIONS') return preflight(request, response, rule);
    const code = await this.#refusal(url);
    const bytes = code ? undefined : await this.#options.read(url.pathname.slice(this.#options.name.length + 2));
    if (bytes) return this.#send(response, bytes, request.headers.range, url.pathname);
    this.#refuse(response, code ?? 'NoSuchKey');
  }

  #ruleFor({ method, headers }: IncomingMessage): CorsRule | undefined {
    const wanted = method === 'OPTIONS' ? headers['access-control-request-method'] : method;
    return this.cors.find(({ allowed }) => allowed.origins.includes(headers.origin ?? '') && allowed.methods.includes(wanted!));
  }

  async #refusal(url: URL): Promise<string | undefined> {
    const parameters = url.searchParams;
    if (!parameters.has('X-Amz-Signature')) return 'AccessDenied';
    if (parameters.get('X-Amz-Credential')!.split('/')[0] !== this.#options.accessKeyId) return 'InvalidAccessKeyId';
    if (parameters.get('X-Amz-Signature') !== (await signatureOfUrl(url, this.#options.secret))) return 'SignatureDoesNotMatch';
    const signed = Date.parse(parameters.get('X-Amz-Date')!.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, '$1-$2-$3T$4:$5:$6Z'));
    const expired = Date.now() > signed + Number(parameters.get('X-Amz-Expires')) * 1000;
    if (this.expire === 0) return expired ? 'ExpiredRequest' : undefined;
    this.expire -= 1;
    return 'ExpiredRequest';
  }

  #refuse(response: ServerResponse, code: string): void {
    this.refused.push(code);
    response.writeHead(code === 'NoSuchKey' ? 404 : 403, { 'content-type': 'application/xml' });
    response.end(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`);
  }

  #send(response: ServerResponse, bytes: Uint8Array, range: string | undefined, key: string): void {
    this.served.push(key);
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const part = start > 0 ? { 'content-range': `bytes ${start}-${bytes.byteLength - 1}/${bytes.byteLength}` } : {};
    response.writeHead(start > 0 ? 206 : 200, { ...part, 'content-length': bytes.byteLength - start });
    response.end(bytes.subarray(start));
  }
}

function preflight({ headers }: IncomingMessage, response: ServerResponse, rule: CorsRule | undefined): void {
  const asked = headers['access-control-request-headers']?.split(',') ?? [];
  const allowed = rule && asked.every((name) => rule.allowed.headers.includes(name.trim()));
  if (!allowed) return void response.writeHead(403).end();
  response.writeHead(204, {
    'access-control-allow-methods': rule.allowed.methods.join(', '),
    'access-control-allow-headers': rule.allowed.headers.join(', '),
    'access-control-max-age': String(rule.maxAgeSeconds),
  });
  response.end();
}
