/** A model with one of everything that the IR carries. */
import { float, float32Tensor, type Graph, int, int64Tensor, ints, makeNode, type Model, string, tensor } from '../../../shared/onnx/ir.ts';

const branch = (name: string, op: string): Graph => ({
  name,
  nodes: [makeNode(op, `/${name}/${op}`, ['x', 'w'], [`${name}_y`])],
  initializers: new Map(),
  inputs: [],
  outputs: [{ name: `${name}_y`, type: { dataType: 'float32', dims: ['batch', 2] } }],
  valueInfo: new Map(),
});

export function modelOfAllKinds(): Model {
  const custom = makeNode('Custom', 'custom', ['chosen', '', 'e'], ['y', ''], {
    float: float(0.5),
    int: int(-3),
    big: { kind: 'int', value: 9223372036854775807n },
    string: string('é'),
    tensor: tensor(int64Tensor([2], [1, -1])),
    floats: { kind: 'floats', value: [1, 2.5] },
    ints: ints(3, 4),
    strings: { kind: 'strings', value: ['a', ''] },
  });
  custom.domain = 'com.example';
  custom.metadata.set('pkg.torch.onnx.name_scopes', "['', 'layer']");
  return {
    irVersion: 10,
    producer: 'test',
    opsets: new Map([
      ['', 17],
      ['com.example', 1],
    ]),
    metadata: new Map([['license', 'Apache-2.0']]),
    graph: {
      name: 'all kinds',
      nodes: [
        makeNode('If', '/if', ['condition'], ['chosen'], {
          then_branch: { kind: 'graph', value: branch('then', 'Add') },
          else_branch: { kind: 'graph', value: branch('else', 'Mul') },
        }),
        custom,
      ],
      initializers: new Map([
        ['w', float32Tensor([2], [1, 2])],
        ['e', { dataType: 'float16', dims: [3, 2], data: { kind: 'external', location: 'weights/a.bin', offset: 64, length: 12 } }],
      ]),
      inputs: [
        { name: 'x', type: { dataType: 'float32', dims: ['batch', 2] } },
        { name: 'condition', type: { dataType: 'bool', dims: [] } },
      ],
      outputs: [{ name: 'y', type: { dataType: 'float32' } }],
      valueInfo: new Map([['chosen', { dataType: 'float32', dims: ['', 2] }]]),
    },
  };
}
