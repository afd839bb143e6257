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
  const [page, css] = await Promise.all(['index.html', 'demo.css'].map((file) => readFile(join(import.meta.dirname, file), 'utf8')));
  const pairs = await readFile(PAIRS);
  const script = await bundledScript();
  const policy = `default-src 'none'; style-src 'self'; script-src 'self' ${edge}; frame-src ${edge}; img-src 'self' blob:`;
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const fill = { edge, site, host: request.headers.host ?? 'localhost' };
    response.setHeader('content-security-policy', policy);
    response.setHeader('cache-control', 'no-store');
    if (path === '/') response.setHeader('content-type', 'text/html; charset=utf-8').end(fillIn(page!, fill));
    else if (path === '/page.js') response.setHeader('content-type', 'text/javascript; charset=utf-8').end(script);
    else if (path === '/demo.css') response.setHeader('content-type', 'text/css; charset=utf-8').end(css);
    else if (path === '/pairs.png') response.setHeader('content-type', 'image/png').end(pairs);
    else response.writeHead(404, { 'content-type': 'text/plain' }).end('The demo has no such page.');
  });
  server.listen(port);
  await once(server, 'listening');
  return { origin: `http://localhost:${(server.address() as AddressInfo).port}`, server };
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
