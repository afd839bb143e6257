import { DiptychError } from '../../shared/errors.ts';
import type { ConditioningInput, TextEncoderName } from '../../shared/manifest.ts';
import type { LoadedGraph } from './loaded-graph.ts';
import type { Runtime, RuntimeTensor } from './sessions/runtime.ts';

/** Outputs [2, tokens, channels] or [2, channels] of one text encoder, by name, in the graph's order. */
export type EncoderOutput = ReadonlyMap<string, { dims: readonly number[]; data: Float32Array }>;
export type EncoderOutputs = Map<TextEncoderName, EncoderOutput>;

/** Runs a text encoder on `ids`, two rows of them, with what its fused layers read. */
export async function runEncoder(
  runtime: Runtime,
  graph: LoadedGraph,
  ids: readonly number[],
  fusion: Readonly<Record<string, RuntimeTensor>>,
): Promise<EncoderOutput> {
  const input = graph.inputs[0]!;
  const dims = [2, ids.length / 2];
  const tokens =
    input.type.dataType === 'int64' ? runtime.host(BigInt64Array.from(ids, BigInt), dims) : runtime.host(Int32Array.from(ids), dims);
  const outputs = await graph.session.run({ [input.name]: tokens, ...fusion });
  const read = new Map<string, { dims: readonly number[]; data: Float32Array }>();
  for (const { name } of graph.outputs) {
    const tensor = outputs[name]!;
    read.set(name, { dims: tensor.dims, data: await runtime.read(tensor) });
    runtime.release(tensor);
  }
  return read;
}

/**
 * The values of one denoiser input of shape `dims`: [batch, tokens, channels] or [batch, channels]. A batch of 1 has the prompt's half alone.
 *
 * @param zeroWithoutNegative leaves the negative prompt's half of every block zero
 * @throws DiptychError `graph_unsupported` if an output is missing or does not fit
 */
export function layConditioning(
  input: ConditioningInput,
  dims: readonly number[],
  outputs: Readonly<EncoderOutputs>,
  zeroWithoutNegative: boolean,
): Float32Array {
  const batch = dims[0]!;
  if ('values' in input) return Float32Array.from(Array<number[]>(batch).fill(input.values).flat());
  const [tokens, channels] = rowShape(dims);
  const laid = new Float32Array(batch * tokens * channels);
  for (const { encoder, output, at } of input.blocks) {
    const found = output === undefined ? outputs.get(encoder)?.values().next().value : outputs.get(encoder)?.get(output);
    const [rows, columns] = found ? rowShape(found.dims) : [0, 0];
    const [top, left] = at.length === 2 ? [at[0]!, at[1]!] : [0, at[0] ?? 0];
    if (!found || top + rows > tokens || left + columns > channels) {
      const what = found ? `is [${found.dims.join(', ')}] and does not fit [${dims.join(', ')}] at [${at.join(', ')}]` : 'is missing';
      throw new DiptychError(
        'graph_unsupported',
        `the denoiser's input ${input.input} takes ${output ?? 'the output'} of ${encoder}, which ${what}; prepare the model again`,
        { input: input.input },
      );
    }
    for (const half of batch === 1 || zeroWithoutNegative ? [1] : [0, 1]) {
      for (let row = 0; row < rows; row++) {
        const from = (half * rows + row) * columns;
        const to = ((half + batch - 2) * tokens + top + row) * channels + left;
        laid.set(found.data.subarray(from, from + columns), to);
      }
    }
  }
  return laid;
}

/** Rows and columns of one element of the batch; a pooled [batch, channels] is one row. */
function rowShape(dims: readonly number[]): [rows: number, columns: number] {
  return dims.length === 3 ? [dims[1]!, dims[2]!] : [1, dims[1]!];
}
