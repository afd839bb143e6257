import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HostPage {
  /** `http://localhost:<port>`: another origin than the edge's. */
  origin: string;
  /** The address of a page with the widget, whose element has these attributes. */
  address(attributes: Record<string, string>): string;
  server: Server;
}

/** A site owner's page under the strictest Content-Security-Policy that the widget asks to bear: the edge in script-src and frame-src, nothing else. */
export async function serveHost(edge: () => string, headers: Record<string, string> = {}): Promise<HostPage> {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const attributes = [...searchParams].map(([name, value]) => ` ${name}="${value}"`).join('');
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.setHeader('content-security-policy', `default-src 'none'; script-src ${edge()}; frame-src ${edge()}`);
    // The strictest a page can be about telling where its visitors come from.
    response.setHeader('referrer-policy', 'no-referrer');
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.end(`<!doctype html><html lang="en"><title>A page</title>
<script type="module" async src="${edge()}/embed/v1.js"></script>
<diptych-studio${attributes}></diptych-studio></html>`);
  });
  server.listen(0);
  await once(server, 'listening');
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  return { origin, address: (attributes) => `${origin}/?${new URLSearchParams(attributes)}`, server };
}
