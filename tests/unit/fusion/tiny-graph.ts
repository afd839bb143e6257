import { float32Tensor, int, ints, makeNode, type Model, string, type ValueType } from '../../../shared/onnx/ir.ts';

/** Sizes of the test graph: a Linear by MatMul and bias, a Linear by Gemm, a strided 3x3 Conv. */
export const SIZES = { tokens: [2, 5, 6], rows: [3, 6], image: [2, 4, 16, 16] };

/** Deterministic numbers in [-1, 1], different for each seed. */
export function numbers(seed: number, count: number): Float32Array {
  return Float32Array.from(
    { length: count },
    (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * Math.cos(4.1414 * (i + 3) * seed + 1),
  );
}

/** Three layers side by side, exported as the legacy exporter names them; `linear` is the MatMul with its bias added first. */
export function tinyModel(): Model {
  const type = (...dims: number[]): ValueType => ({ dataType: 'float32', dims });
  const nodes = [
    makeNode('MatMul', '/block.0/to_q/MatMul', ['tokens', 'onnx::MatMul_1'], ['/block.0/to_q/MatMul_output_0']),
    makeNode('Add', '/block.0/to_q/Add', ['block.0.to_q.bias', '/block.0/to_q/MatMul_output_0'], ['linear']),
    makeNode('Gemm', '/proj/Gemm', ['rows', 'proj.weight', 'proj.bias'], ['gemm'], { transB: int(1) }),
    makeNode('Conv', '/conv1/Conv', ['image', 'conv1.weight', 'conv1.bias'], ['conv'], {
      kernel_shape: ints(3, 3),
      strides: ints(2, 2),
      pads: ints(1, 1, 1, 1),
      group: int(1),
      auto_pad: string('NOTSET'),
    }),
  ];
  return {
    irVersion: 8,
    producer: 'test',
    opsets: new Map([['', 16]]),
    metadata: new Map(),
    graph: {
      name: 'tiny',
      nodes,
      initializers: new Map([
        ['onnx::MatMul_1', float32Tensor([6, 7], numbers(1, 42))],
        ['block.0.to_q.bias', float32Tensor([7], numbers(2, 7))],
        ['proj.weight', float32Tensor([9, 6], numbers(3, 54))],
        ['proj.bias', float32Tensor([9], numbers(4, 9))],
        ['conv1.weight', float32Tensor([5, 4, 3, 3], numbers(5, 180))],
        ['conv1.bias', float32Tensor([5], numbers(6, 5))],
      ]),
      inputs: Object.entries(SIZES).map(([name, dims]) => ({ name, type: type(...dims) })),
      outputs: [
        { name: 'linear', type: type(2, 5, 7) },
        { name: 'gemm', type: type(3, 9) },
        { name: 'conv', type: type(2, 5, 8, 8) },
      ],
      valueInfo: new Map(),
    },
  };
}
