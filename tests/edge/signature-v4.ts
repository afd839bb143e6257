/**
 * The signature of a presigned GET, computed from the specification alone: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)"
 * in the Amazon S3 API Reference.
 *
 * @param url with every X-Amz parameter; a signature in it is left out
 */
export async function signatureOfUrl(url: URL, secret: string): Promise<string> {
  const parameters = [...url.searchParams].filter(([name]) => name !== 'X-Amz-Signature');
  const encoded = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = parameters
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .toSorted()
    .join('&');
  const request = ['GET', url.pathname, query, `host:${url.host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const [, ...scope] = url.searchParams.get('X-Amz-Credential')!.split('/');
  const text = ['AWS4-HMAC-SHA256', url.searchParams.get('X-Amz-Date'), scope.join('/'), hex(await sha256(request))].join('\n');
  let key: ArrayBuffer = bytes(`AWS4${secret}`).buffer;
  for (const part of scope) key = await hmac(key, part);
  return hex(await hmac(key, text));
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
const sha256 = (text: string): Promise<ArrayBuffer> => crypto.subtle.digest('SHA-256', bytes(text));
const hex = (buffer: ArrayBuffer): string => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');

async function hmac(key: ArrayBuffer, text: string): Promise<ArrayBuffer> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return crypto.subtle.sign('HMAC', imported, bytes(text));
}
