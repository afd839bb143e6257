/** Linears in 4 bits, as onnxruntime's tools leave them: `MatMulNBits` (contrib operators of com.microsoft). */
import { float32Tensor, int, makeNode, type Model, type Node, type Tensor } from '../../../shared/onnx/ir.ts';

export interface Quantisation {
  blockSize: 16 | 32 | 64;
  /** A zero point a block; 8 for all where left out. */
  zeroPoints: boolean;
  /** The bias as the operator's sixth input, in place of an Add after it. */
  biasInput: boolean;
}

/** A weight [K, N] in blocks of its columns, and as what those stand for. */
interface Blocks {
  packed: Tensor;
  scales: Tensor;
  zeroPoints: Tensor;
  dequantised: Tensor;
}

const isLinear = (node: Node, { graph }: Model): boolean =>
  node.opType === 'MatMul' && node.name.includes('transformer_blocks') && graph.initializers.get(node.inputs[1]!)?.dims.length === 2;

/** The model whose transformer Linears are 4-bit. */
export function quantisedExport(model: Model, how: Quantisation): Model {
  const initializers = new Map(model.graph.initializers);
  const biases = new Map<string, string>();
  const nodes = model.graph.nodes.map((node): Node => {
    if (!isLinear(node, model)) return node;
    const weight = initializers.get(node.inputs[1]!)!;
    const { packed, scales, zeroPoints } = blocksOf(weight, how);
    const name = node.inputs[1]!;
    initializers.delete(name);
    for (const [suffix, tensor] of [
      ['Q4', packed],
      ['scales', scales],
      ['zero_points', zeroPoints],
    ] as const)
      initializers.set(`${name}_${suffix}`, tensor);
    const [K, N] = weight.dims as [number, number];
    const bias = how.biasInput ? biasOf(model, node) : undefined;
    if (bias) biases.set(bias.add.name, node.outputs[0]!);
    const inputs = [
      node.inputs[0]!,
      `${name}_Q4`,
      `${name}_scales`,
      how.zeroPoints ? `${name}_zero_points` : '',
      ...(bias ? ['', bias.name] : []),
    ];
    const attributes = { K: int(K), N: int(N), bits: int(4), block_size: int(how.blockSize) };
    return { ...makeNode('MatMulNBits', `${node.name}_Q4`, inputs, node.outputs, attributes), domain: 'com.microsoft' };
  });
  const withoutAdds = nodes.map((node) =>
    biases.has(node.name) ? makeNode('Identity', node.name, [biases.get(node.name)!], node.outputs) : node,
  );
  const opsets = new Map(model.opsets).set('com.microsoft', 1);
  return { ...model, opsets, graph: { ...model.graph, nodes: withoutAdds, initializers } };
}

/** The same network with the weights that its 4 bits stand for. */
export function dequantisedExport(model: Model, how: Quantisation): Model {
  const initializers = new Map(model.graph.initializers);
  for (const node of model.graph.nodes)
    if (isLinear(node, model)) initializers.set(node.inputs[1]!, blocksOf(model.graph.initializers.get(node.inputs[1]!)!, how).dequantised);
  return { ...model, graph: { ...model.graph, initializers } };
}

function biasOf({ graph }: Model, matMul: Node): { add: Node; name: string } | undefined {
  const add = graph.nodes.find((node) => node.opType === 'Add' && node.name === matMul.name.replace(/MatMul$/, 'Add'));
  const name = add?.inputs.find((input) => graph.initializers.has(input));
  return add && name !== undefined ? { add, name } : undefined;
}

function blocksOf(weight: Tensor, { blockSize, zeroPoints: asymmetric }: Quantisation): Blocks {
  const [K, N] = weight.dims as [number, number];
  const values = floats(weight);
  const blocks = Math.ceil(K / blockSize);
  const packed = new Uint8Array(N * blocks * (blockSize / 2));
  const scales = new Float32Array(N * blocks);
  const zeros = new Uint8Array(N * Math.ceil(blocks / 2)).fill(0x88);
  const dequantised = new Float32Array(K * N);
  for (let column = 0; column < N; column++)
    for (let block = 0; block < blocks; block++) {
      const rows = Array.from({ length: Math.min(blockSize, K - block * blockSize) }, (_, i) => block * blockSize + i);
      const source = rows.map((row) => values[row * N + column]!);
      const [low, high] = [Math.min(0, ...source), Math.max(0, ...source)];
      const scale = Math.fround(asymmetric ? (high - low) / 15 : Math.max(-low, high) / 7) || 1;
      const zero = asymmetric ? Math.round(-low / scale) : 8;
      scales[column * blocks + block] = scale;
      const at = column * Math.ceil(blocks / 2) + (block >> 1);
      zeros[at] = block % 2 === 0 ? (zeros[at]! & 0xf0) | zero : (zeros[at]! & 0x0f) | (zero << 4);
      for (const [i, row] of rows.entries()) {
        const level = Math.min(15, Math.max(0, Math.round(source[i]! / scale) + zero));
        packed[(column * blocks + block) * (blockSize / 2) + (i >> 1)]! |= i % 2 === 0 ? level : level << 4;
        dequantised[row * N + column] = (level - zero) * scale;
      }
    }
  const bytes = (dims: number[], data: Uint8Array): Tensor => ({ dataType: 'uint8', dims, data: { kind: 'inline', bytes: data } });
  return {
    packed: bytes([N, blocks, blockSize / 2], packed),
    scales: float32Tensor([scales.length], scales),
    zeroPoints: bytes([zeros.length], zeros),
    dequantised: float32Tensor([K, N], dequantised),
  };
}

function floats({ data }: Tensor): Float32Array {
  if (data.kind === 'external') throw new Error('the weights of a fixture are in the model');
  return new Float32Array(data.bytes.slice().buffer);
}
