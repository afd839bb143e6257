import { DiptychError } from '../errors.ts';
import type { Tensor } from './ir.ts';

/** Reads `length` bytes at `offset` of the external file `location`, relative to the model. */
export type ReadExternal = (location: string, offset: number, length: number) => Promise<Uint8Array>;

/** A tensor's bytes, wherever they are. `name` is for messages. */
export async function tensorBytes(name: string, tensor: Tensor, read: ReadExternal): Promise<Uint8Array> {
  if (tensor.data.kind === 'inline') return tensor.data.bytes;
  const { location, offset, length } = tensor.data;
  const bytes = await read(location, offset, length);
  if (bytes.length !== length) {
    const message = `${location} has ${bytes.length} of the ${length} bytes of tensor ${name} at offset ${offset}; it is cut short: copy it again`;
    throw new DiptychError('onnx_malformed', message, { file: location, tensor: name });
  }
  return bytes;
}
