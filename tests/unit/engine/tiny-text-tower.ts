import { readFile } from 'node:fs/promises';
import { GraphBuilder } from '../../../shared/onnx/builder.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { TINY_TEXT } from './tiny-tokenizer.ts';

/** Of sd15-tiny's image encoder `clip`. */
const WIDTH = 24;

/** A text tower for sd15-tiny, which has none: its text encoder, the mean over tokens, and a projection into the space of its image encoder. */
export async function tinyTextTower(): Promise<Model> {
  const bytes = await readFile(new URL('../../fixtures/sd15-tiny/text_encoder/model.onnx', import.meta.url));
  const encoder = normalise(readModel(new Uint8Array(bytes), 'text_encoder'), { input_ids: [1, TINY_TEXT.maxLength] });
  const [state] = encoder.graph.outputs;
  const channels = state!.type.dims!.at(-1) as number;
  const graph = { ...encoder.graph, initializers: new Map(encoder.graph.initializers), nodes: [...encoder.graph.nodes] };
  const builder = new GraphBuilder(graph, encoder.opsets.get('')!);
  builder.scope('tower');
  const pooled = builder.reduce('ReduceMean', 'pooled', state!.name, [1], false);
  const weights = Array.from({ length: channels * WIDTH }, (_, i) => Math.sin(12.9898 * (i + 1)));
  builder.add('MatMul', 'projected', [pooled, builder.floats([channels, WIDTH], weights)], {}, 'text_embeds');
  graph.nodes.push(...builder.nodes);
  graph.outputs = [{ name: 'text_embeds', type: { dataType: 'float32', dims: [1, WIDTH] } }];
  return normalise({ ...encoder, graph }, {});
}
