import { DiptychError } from '../../../shared/errors.ts';
import type { Graph } from '../../../shared/onnx/ir.ts';
import type { Role } from './families.ts';

/** One text encoder of a pipeline folder, its dims fixed. */
interface EncoderGraph {
  graph: Graph;
  /** The ONNX file, for messages. */
  file: string;
  /** `num_hidden_layers` of its config, where there is one. */
  layers: number | undefined;
}

export interface EncoderOutput {
  name: string;
  /** [2, tokens, channels], or [2, channels] of the pooled one. */
  dims: number[];
}

const HIDDEN_STATE = /^hidden_states[._](\d+)$/;

const ADVICE: Record<Role, string> = {
  last: 'export it with its output last_hidden_state',
  penultimate: 'export it with output_hidden_states, whose names are hidden_states.0, hidden_states.1 and so on',
  pooled: 'export it as a text model with projection, whose output is text_embeds',
};

/**
 * The output of a text encoder that has a role, told by the names of the public exports.
 *
 * @throws DiptychError `graph_unsupported` listing the outputs that there are
 */
export function encoderOutput(encoder: EncoderGraph, role: Role): EncoderOutput {
  const { graph, file } = encoder;
  const name = NAMES[role](encoder);
  const output = graph.outputs.find((candidate) => candidate.name === name);
  const names = graph.outputs.map((candidate) => candidate.name);
  if (!output) {
    const wanted = name ?? (role === 'penultimate' ? 'of the layer before the last' : '[batch, tokens, channels]');
    throw new DiptychError(
      'graph_unsupported',
      `${file} has no output ${wanted}, which the denoiser reads; it has ${names.join(', ')}. To get it, ${ADVICE[role]}.`,
      { file, outputs: names },
    );
  }
  const dims = output.type.dims ?? graph.valueInfo.get(output.name)?.dims;
  const rank = role === 'pooled' ? 2 : 3;
  if (dims?.length === rank && dims.every((dim) => typeof dim === 'number')) return { name: output.name, dims };
  throw new DiptychError(
    'graph_unsupported',
    `${file}: the output ${output.name} should have ${rank} fixed dims; it is [${dims?.join(', ') ?? '?'}]`,
    { file },
  );
}

/** The name that the output of a role has, `undefined` where it cannot be told. */
const NAMES: Record<Role, (encoder: EncoderGraph) => string | undefined> = {
  last({ graph }) {
    const named = graph.outputs.find(({ name }) => name === 'last_hidden_state');
    const states = graph.outputs.filter(({ name, type }) => type.dims?.length === 3 && !HIDDEN_STATE.test(name));
    return named?.name ?? (states.length === 1 ? states[0]!.name : undefined);
  },
  penultimate({ graph, layers }) {
    const byIndex = new Map<number, string>();
    for (const { name } of graph.outputs) {
      const index = HIDDEN_STATE.exec(name)?.[1];
      if (index !== undefined) byIndex.set(Number(index), name);
    }
    // State 0 is the embeddings, so that the state of the last layer has the number of layers. A list with gaps does not tell that number.
    const whole = Math.max(...byIndex.keys()) === byIndex.size - 1;
    return byIndex.get((layers ?? (whole ? byIndex.size - 1 : Number.NaN)) - 1);
  },
  pooled: () => 'text_embeds',
};

/** Without the hidden states that nothing reads. What the last layer gives stays, since LoRA files have a part for that layer. */
export function withoutUnread(graph: Graph, read: readonly EncoderOutput[]): Graph {
  const names = new Set(read.map(({ name }) => name));
  return { ...graph, outputs: graph.outputs.filter(({ name }) => names.has(name) || !HIDDEN_STATE.test(name)) };
}
