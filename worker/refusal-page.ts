import { type DiptychError, ERRORS } from '../shared/errors.ts';
import type { EdgeContext } from './edge.ts';
import { escapeHtml, scriptJson } from './html.ts';
import { logFault } from './logging/fault.ts';

/** The page's only script, always the same text, so that its policy can allow it by its hash. */
const SCRIPT = "parent.postMessage(JSON.parse(document.getElementById('refusal').textContent), '*');";

/**
 * What the frame shows in place of the studio. Any page may frame it, and it posts `{type: 'diptych-refused', code, message}` to its parent, so
 * that the site's owner sees why.
 */
export async function refusalPage(c: EdgeContext, error: DiptychError): Promise<Response> {
  c.set('code', error.code);
  logFault(c, error);
  const refusal = { type: 'diptych-refused', code: error.code, message: error.message };
  const { status, title } = ERRORS[error.code];
  const { retryAfter } = error.details;
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escapeHtml(title)}</title>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(error.message)}</p>
<script type="application/json" id="refusal">${scriptJson(refusal)}</script>
<script>${SCRIPT}</script>
</html>
`;
  return new Response(html, {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      ...(typeof retryAfter === 'number' && { 'retry-after': String(retryAfter) }),
      'content-security-policy': `default-src 'none'; script-src '${await cspHash(SCRIPT)}'; frame-ancestors *`,
      'cross-origin-resource-policy': 'cross-origin',
    },
  });
}

/** A CSP hash-source (https://www.w3.org/TR/CSP3/#grammardef-hash-source). */
async function cspHash(script: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(script));
  return `sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}
