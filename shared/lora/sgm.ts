/**
 * The UNet's module names in the original Stable Diffusion code (`input_blocks.4.1...`), which trainers of SDXL and nodes of ComfyUI keep.
 * They count the layers through all blocks, so that they depend on how many layers a block of the base has.
 */

const RESNET: Record<string, string> = {
  conv1: 'in_layers.2',
  conv2: 'out_layers.3',
  time_emb_proj: 'emb_layers.1',
  conv_shortcut: 'skip_connection',
};

const OUTSIDE_BLOCKS: Record<string, string> = {
  'time_embedding.linear_1': 'time_embed.0',
  'time_embedding.linear_2': 'time_embed.2',
  'add_embedding.linear_1': 'label_emb.0.0',
  'add_embedding.linear_2': 'label_emb.0.2',
  conv_in: 'input_blocks.0.0',
  conv_out: 'out.2',
};

const IN_BLOCK = /^(down|up)_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.+)$/;
const IN_MIDDLE = /^mid_block\.(resnets|attentions)\.(\d+)\.(.+)$/;
const SAMPLER = /^(down_blocks|up_blocks)\.(\d+)\.(?:downsamplers|upsamplers)\.0\.conv$/;

/** The original name of a module of a UNet with these modules, `undefined` for a module that the original does not have. */
export type SgmName = (module: string) => string | undefined;

export function sgmNamer(modules: readonly string[]): SgmName {
  const layers = layersPerBlock(modules);
  const attending = new Set(modules.flatMap((module) => /^up_blocks\.\d+(?=\.attentions\.)/.exec(module)?.[0] ?? []));
  return (module) => OUTSIDE_BLOCKS[module] ?? inBlock(module, layers) ?? inMiddle(module) ?? sampler(module, layers, attending);
}

/** Of a down block; an up block has one more. */
function layersPerBlock(modules: readonly string[]): number {
  let layers = 1;
  for (const module of modules) {
    const match = IN_BLOCK.exec(module);
    if (match) layers = Math.max(layers, Number(match[4]) + (match[1] === 'down' ? 1 : 0));
  }
  return layers;
}

/** A down block is its layers and a downsampler; before the first of them stands conv_in. */
function inBlock(module: string, layers: number): string | undefined {
  const match = IN_BLOCK.exec(module);
  if (!match) return undefined;
  const [, side, block, type, layer, rest] = match as unknown as [string, string, string, string, string, string];
  const inner = innerName(type, rest);
  const index = Number(block) * (layers + 1) + Number(layer) + (side === 'down' ? 1 : 0);
  return inner && `${side === 'down' ? 'input' : 'output'}_blocks.${index}.${type === 'resnets' ? 0 : 1}.${inner}`;
}

function inMiddle(module: string): string | undefined {
  const match = IN_MIDDLE.exec(module);
  if (!match) return undefined;
  const [, type, index, rest] = match as unknown as [string, string, string, string];
  const inner = innerName(type, rest);
  return inner && `middle_block.${type === 'resnets' ? 2 * Number(index) : 1}.${inner}`;
}

const innerName = (type: string, rest: string): string | undefined => (type === 'resnets' ? RESNET[rest] : rest);

/** A downsampler is an entry of its own; an upsampler follows the last resnet of its block, and that one's attention if it has one. */
function sampler(module: string, layers: number, attending: ReadonlySet<string>): string | undefined {
  const match = SAMPLER.exec(module);
  if (!match) return undefined;
  const [, blocks, block] = match;
  if (blocks === 'down_blocks') return `input_blocks.${(Number(block) + 1) * (layers + 1)}.0.op`;
  const position = attending.has(`${blocks}.${block}`) ? 2 : 1;
  return `output_blocks.${Number(block) * (layers + 1) + layers}.${position}.conv`;
}
