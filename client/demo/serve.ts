import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';

export interface DemoOptions {
  /** The edge's origin. */
  edge: string;
  /** The key of a site that allows this page's origin. */
  site: string;
  /** 0 takes any free port. */
  port: number;
}

export interface Demo {
  /** Where it is served: `http://localhost:8788`. */
  origin: string;
  server: Server;
}

/** What `npm run evaluate` shows of every pair. */
const PAIRS = join(import.meta.dirname, '../../docs/evaluation/rules/pairs.png');

/**
 * Serves the demo page as a site owner would: on an origin of its own, under a Content-Security-Policy that allows nothing from outside but the
 * edge's script and frame.
 */
export async function serveDemo({ edge, site, port }: DemoOptions): Promise<Demo> {
  const page = await readFile(join(import.meta.dirname, 'index.html'), 'utf8');
  const files = await readFiles();
  const policy = `default-src 'none'; style-src 'self'; script-src 'self' ${edge}; frame-src ${edge}; img-src 'self' blob:`;
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const file = files.get(path);
    const fill = { edge, site, host: request.headers.host ?? 'localhost' };
    response.setHeader('content-security-policy', policy);
    response.setHeader('cache-control', 'no-store');
    if (path === '/') response.setHeader('content-type', 'text/html; charset=utf-8').end(fillIn(page, fill));
    else if (file) response.setHeader('content-type', file.type).end(file.body);
    else response.writeHead(404, { 'content-type': 'text/plain' }).end('The demo has no such page.');
  });
  server.listen(port);
  await once(server, 'listening');
  return { origin: `http://localhost:${(server.address() as AddressInfo).port}`, server };
}

/** Everything but the page itself, by path. */
async function readFiles(): Promise<Map<string, { type: string; body: string | Uint8Array }>> {
  const beside = (name: string) => readFile(join(import.meta.dirname, name));
  return new Map([
    ['/page.js', { type: 'text/javascript; charset=utf-8', body: await bundledScript() }],
    ['/demo.css', { type: 'text/css; charset=utf-8', body: await beside('demo.css') }],
    ['/icon.svg', { type: 'image/svg+xml', body: await beside('icon.svg') }],
    ['/pairs.png', { type: 'image/png', body: await readFile(PAIRS) }],
  ]);
}

async function bundledScript(): Promise<string> {
  const entry = join(import.meta.dirname, 'page.ts');
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: 'esm', target: 'es2022', minify: true, write: false });
  return outputFiles[0]!.text;
}

function fillIn(template: string, values: Record<string, string>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => escapeHtml(values[name] ?? ''));
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
