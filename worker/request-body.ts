import * as v from 'valibot';
import { DiptychError } from '../shared/errors.ts';

/**
 * The request's body as JSON of `schema`. The Content-Type is not asked: `navigator.sendBeacon` sends JSON as text/plain.
 *
 * @throws `payload_too_large` as soon as more than `maxBytes` have come; `request_invalid` naming the field
 */
export async function readJson<S extends v.GenericSchema>(request: Request, schema: S, maxBytes: number): Promise<v.InferOutput<S>> {
  const result = v.safeParse(schema, parse(await readText(request, maxBytes)), { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue) ?? '';
  throw new DiptychError('request_invalid', `${field || 'The body'}: ${issue.message}`.slice(0, 400), { field });
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let received = 0;
  for await (const chunk of request.body ?? []) {
    received += chunk.byteLength;
    if (received > maxBytes) {
      throw new DiptychError('payload_too_large', `The body is larger than ${maxBytes} bytes.`, { maxBytes });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new DiptychError('request_invalid', 'The body is not JSON.', { field: '' });
  }
}
