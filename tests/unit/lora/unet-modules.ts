/** The LoRA-capable module paths of UNets as they are published. */

/** The transformer depth of each down block, 0 for one without attention, and of the middle. */
export interface Shape {
  depths: readonly number[];
  middle: number;
  layers: number;
  /** SDXL's embedding of sizes and pooled text. */
  added: boolean;
}

export const SD15_SHAPE: Shape = { depths: [1, 1, 1, 0], middle: 1, layers: 2, added: false };
export const SDXL_SHAPE: Shape = { depths: [0, 2, 10], middle: 10, layers: 2, added: true };

const PROJECTIONS = ['to_q', 'to_k', 'to_v', 'to_out.0'];
const INNER = [
  ...['attn1', 'attn2'].flatMap((attention) => PROJECTIONS.map((name) => `${attention}.${name}`)),
  'ff.net.0.proj',
  'ff.net.2',
];
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

const resnet = (path: string) => ['conv1', 'time_emb_proj', 'conv2', 'conv_shortcut'].map((name) => `${path}.${name}`);

function attention(path: string, depth: number): string[] {
  const blocks = range(depth).flatMap((i) => INNER.map((name) => `${path}.transformer_blocks.${i}.${name}`));
  return depth > 0 ? [`${path}.proj_in`, ...blocks, `${path}.proj_out`] : [];
}

export function unetModules({ depths, middle, layers, added }: Shape): string[] {
  const block = (path: string, depth: number, count: number) =>
    range(count).flatMap((i) => [...resnet(`${path}.resnets.${i}`), ...attention(`${path}.attentions.${i}`, depth)]);
  const last = depths.length - 1;
  return [
    'time_embedding.linear_1',
    'time_embedding.linear_2',
    ...(added ? ['add_embedding.linear_1', 'add_embedding.linear_2'] : []),
    'conv_in',
    ...depths.flatMap((depth, i) => [
      ...block(`down_blocks.${i}`, depth, layers),
      ...(i < last ? [`down_blocks.${i}.downsamplers.0.conv`] : []),
    ]),
    ...resnet('mid_block.resnets.0'),
    ...attention('mid_block.attentions.0', middle),
    ...resnet('mid_block.resnets.1'),
    ...depths
      .toReversed()
      .flatMap((depth, i) => [...block(`up_blocks.${i}`, depth, layers + 1), ...(i < last ? [`up_blocks.${i}.upsamplers.0.conv`] : [])]),
    'conv_out',
  ];
}
