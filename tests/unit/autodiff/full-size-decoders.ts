/** The decoders of Stable Diffusion 1.x at full size, as they are exported: topology alone, their weights in a file that need not be there. */
import { GraphBuilder } from '../../../shared/onnx/builder.ts';
import { byteLength } from '../../../shared/onnx/data-type.ts';
import { float32Tensor, type Graph, int, ints, type Model, string, type Tensor } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';

/** float32, of size `dims`; its bytes are never read. */
function weight(dims: number[]): Tensor {
  return { dataType: 'float32', dims, data: { kind: 'external', location: 'weights.bin', offset: 0, length: byteLength('float32', dims) } };
}

class Network {
  readonly graph: Graph;
  readonly #builder: GraphBuilder;
  readonly #weight: (dims: number[]) => Tensor;

  constructor(latent: number[], makeWeight: (dims: number[]) => Tensor) {
    this.graph = {
      name: 'decoder',
      nodes: [],
      initializers: new Map(),
      inputs: [{ name: 'latent', type: { dataType: 'float32', dims: latent } }],
      outputs: [],
      valueInfo: new Map(),
    };
    this.#weight = makeWeight;
    this.#builder = new GraphBuilder(this.graph, 16);
  }

  /** loss = sum of picture * target: what an encoder's gradient is to the decoder. */
  finish(picture: string, dims: number[]): Model {
    this.#builder.scope('loss');
    this.graph.inputs.push({ name: 'target', type: { dataType: 'float32', dims } });
    const products = this.#builder.add('Mul', 'products', [picture, 'target']);
    this.#builder.reduce('ReduceSum', 'sum', products, [0, 1, 2, 3], false);
    this.graph.nodes.push(...this.#builder.nodes);
    this.graph.outputs.push({ name: 'loss/sum', type: { dataType: 'float32', dims: [] } });
    const model = { irVersion: 8, producer: 'test', opsets: new Map([['', 16]]), metadata: new Map(), graph: this.graph };
    return normalise(model, {});
  }

  #parameter(name: string, dims: number[]): string {
    this.graph.initializers.set(name, this.#weight(dims));
    return name;
  }

  conv(name: string, x: string, from: number, to: number, kernel = 3): string {
    this.#builder.scope(name);
    const pad = (kernel - 1) / 2;
    return this.#builder.add(
      'Conv',
      'conv',
      [x, this.#parameter(`${name}.weight`, [to, from, kernel, kernel]), this.#parameter(`${name}.bias`, [to])],
      { kernel_shape: ints(kernel, kernel), pads: ints(pad, pad, pad, pad), strides: ints(1, 1) },
    );
  }

  /** GroupNorm of 32 groups (or of `groups`), as the exporter writes it. */
  groupNorm(name: string, x: string, channels: number, dims: number[], groups = 32): string {
    this.#builder.scope(name);
    const ones = Array<number>(groups).fill(1);
    const grouped = this.#builder.add('Reshape', 'grouped', [x, this.#builder.int64s([0, groups, -1])]);
    const constants = [this.#builder.floats([groups], ones), this.#builder.floats([groups], ones.map(() => 0))]; // prettier-ignore
    const normal = this.#builder.add('InstanceNormalization', 'normal', [grouped, ...constants]);
    const shaped = this.#builder.add('Reshape', 'shaped', [normal, this.#builder.int64s(dims)]);
    const scaled = this.#builder.add('Mul', 'scaled', [shaped, this.#parameter(`${name}.weight`, [channels, 1, 1])]);
    return this.#builder.add('Add', 'shifted', [scaled, this.#parameter(`${name}.bias`, [channels, 1, 1])]);
  }

  silu(name: string, x: string): string {
    this.#builder.scope(name);
    return this.#builder.add('Mul', 'product', [x, this.#builder.add('Sigmoid', 'sigmoid', [x])]);
  }

  apply(name: string, opType: string, ...inputs: string[]): string {
    this.#builder.scope(name);
    return this.#builder.add(opType, 'out', inputs);
  }

  upsample(name: string, x: string): string {
    this.#builder.scope(name);
    return this.#builder.add('Resize', 'out', [x, '', this.#builder.floats([4], [1, 1, 2, 2])], {
      mode: string('nearest'),
      coordinate_transformation_mode: string('asymmetric'),
      nearest_mode: string('floor'),
    });
  }

  resnet(name: string, x: string, from: number, to: number, size: number, groups: number): string {
    const first = this.silu(`${name}/act1`, this.groupNorm(`${name}/norm1`, x, from, [1, from, size, size], groups));
    const middle = this.conv(`${name}/conv1`, first, from, to);
    const second = this.silu(`${name}/act2`, this.groupNorm(`${name}/norm2`, middle, to, [1, to, size, size], groups));
    const out = this.conv(`${name}/conv2`, second, to, to);
    return this.apply(`${name}/add`, 'Add', out, from === to ? x : this.conv(`${name}/shortcut`, x, from, to, 1));
  }

  /** One head over all positions. */
  attention(name: string, x: string, channels: number, size: number, groups: number): string {
    const tokens = size * size;
    const normal = this.groupNorm(`${name}/norm`, x, channels, [1, channels, size, size], groups);
    const linear = (label: string, from: string) => {
      this.#builder.scope(`${name}/${label}`);
      const product = this.#builder.add('MatMul', 'product', [from, this.#parameter(`${name}.${label}.weight`, [channels, channels])]);
      return this.#builder.add('Add', 'biased', [this.#parameter(`${name}.${label}.bias`, [channels]), product]);
    };
    this.#builder.scope(name);
    const flat = this.#builder.add('Reshape', 'flat', [normal, this.#builder.int64s([1, channels, tokens])]);
    const rows = this.#builder.add('Transpose', 'rows', [flat], { perm: ints(0, 2, 1) });
    const heads = ['q', 'k', 'v'].map((label) => {
      const projected = linear(label, rows);
      this.#builder.scope(`${name}/${label}/heads`);
      const split = this.#builder.add('Reshape', 'split', [projected, this.#builder.int64s([1, tokens, 1, channels])]);
      return this.#builder.add('Transpose', 'out', [split], { perm: ints(0, 2, 1, 3) });
    });
    this.#builder.scope(`${name}/scores`);
    const scale = this.#builder.floats([], [channels ** -0.25]);
    const keys = this.#builder.add('Transpose', 'keys', [heads[1]!], { perm: ints(0, 1, 3, 2) });
    const products = this.#builder.add('MatMul', 'products', [
      this.#builder.add('Mul', 'scaled.q', [heads[0]!, scale]),
      this.#builder.add('Mul', 'scaled.k', [keys, scale]),
    ]);
    const shares = this.#builder.add('Softmax', 'shares', [products], { axis: int(-1) });
    const mixed = this.#builder.add('MatMul', 'mixed', [shares, heads[2]!]);
    const joined = this.#builder.add('Transpose', 'joined', [mixed], { perm: ints(0, 2, 1, 3) });
    const merged = this.#builder.add('Reshape', 'merged', [joined, this.#builder.int64s([1, tokens, channels])]);
    const out = linear('out', merged);
    this.#builder.scope(`${name}/residual`);
    const columns = this.#builder.add('Transpose', 'columns', [out], { perm: ints(0, 2, 1) });
    const picture = this.#builder.add('Reshape', 'picture', [columns, this.#builder.int64s([1, channels, size, size])]);
    return this.#builder.add('Add', 'sum', [picture, x]);
  }

  /** The block of TAESD: three convolutions with ReLUs and a skip (github.com/madebyollin/taesd). */
  tinyBlock(name: string, x: string, channels: number): string {
    let value = x;
    for (const k of [0, 1, 2]) {
      value = this.conv(`${name}/conv${k}`, value, channels, channels);
      if (k < 2) value = this.apply(`${name}/relu${k}`, 'Relu', value);
    }
    return this.apply(`${name}/relu`, 'Relu', this.apply(`${name}/add`, 'Add', value, x));
  }
}

export interface DecoderSize {
  /** Edge of the latent; the picture's is 8 times that. */
  latent: number;
  /** Of the outermost layers, 128 in Stable Diffusion; the inner ones are 2 and 4 times as wide. */
  width: number;
  groups: number;
  weight: (dims: number[]) => Tensor;
}

/** Stable Diffusion's VAE decoder: [1, 4, 64, 64] -> [1, 3, 512, 512] (Rombach et al. 2022, arXiv 2112.10752, appendix G). */
export function vaeDecoder(options: Partial<DecoderSize> = {}): Model {
  const { latent, width, groups, weight: make } = { latent: 64, width: 128, groups: 32, weight, ...options };
  const net = new Network([1, 4, latent, latent], make);
  let channels = 4 * width;
  let size = latent;
  let x = net.conv('conv_in', net.conv('post_quant', 'latent', 4, 4, 1), 4, channels);
  x = net.resnet('mid/resnet0', x, channels, channels, size, groups);
  x = net.attention('mid/attention', x, channels, size, groups);
  x = net.resnet('mid/resnet1', x, channels, channels, size, groups);
  for (const [block, factor] of [4, 4, 2, 1].entries()) {
    for (const k of [0, 1, 2]) {
      x = net.resnet(`up${block}/resnet${k}`, x, channels, factor * width, size, groups);
      channels = factor * width;
    }
    if (block === 3) continue;
    size *= 2;
    x = net.conv(`up${block}/conv`, net.upsample(`up${block}/upsample`, x), channels, channels);
  }
  const out = net.silu('act_out', net.groupNorm('norm_out', x, width, [1, width, size, size], groups));
  return net.finish(net.conv('conv_out', out, width, 3), [1, 3, size, size]);
}

/** The decoder of TAESD: 64 channels throughout, [1, 4, 64, 64] -> [1, 3, 512, 512]. */
export function tinyDecoder(options: Partial<Pick<DecoderSize, 'latent' | 'width' | 'weight'>> = {}): Model {
  const { latent, width, weight: make } = { latent: 64, width: 64, weight, ...options };
  const net = new Network([1, 4, latent, latent], make);
  net.graph.initializers.set('three', float32Tensor([], [3]));
  const clamped = net.apply('clamp', 'Mul', net.apply('tanh', 'Tanh', net.apply('third', 'Div', 'latent', 'three')), 'three');
  let x = net.apply('relu_in', 'Relu', net.conv('conv_in', clamped, 4, width));
  let size = latent;
  for (const [level, blocks] of [3, 3, 3, 1].entries()) {
    for (let k = 0; k < blocks; k++) x = net.tinyBlock(`level${level}/block${k}`, x, width);
    if (level === 3) continue;
    size *= 2;
    x = net.conv(`level${level}/conv`, net.upsample(`level${level}/upsample`, x), width, width);
  }
  return net.finish(net.conv('conv_out', x, width, 3), [1, 3, size, size]);
}
