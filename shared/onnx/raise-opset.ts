import { DiptychError } from '../errors.ts';
import { GraphBuilder } from './builder.ts';
import {
  type Attribute,
  type DataType,
  type Graph,
  int,
  intAttribute,
  intsAttribute,
  makeNode,
  type Model,
  type Node,
  string,
  type ValueType,
} from './ir.ts';

/** The first operator set in which axes and limits are inputs and Softmax runs over one axis. */
const LEAST = 13;

/**
 * The model by operator set `target` if it is of an older one (from 7), else as it is: what was an attribute and became an input is one, Softmax over several
 * axes is one over a reshaped value, Upsample is Resize, GroupNormalization scales channels (https://onnx.ai/onnx/operators/).
 *
 * @param model normalised: the shapes of what a Softmax or a GroupNormalization reads are known
 * @param target 13 or later
 * @throws DiptychError `graph_unsupported` naming the node that cannot be rewritten, or for a set before 7
 */
export function raiseOpset(model: Model, target = LEAST): Model {
  const opset = model.opsets.get('') ?? target;
  if (opset >= target) return model;
  if (opset < 7)
    throw new DiptychError('graph_unsupported', `operator set ${opset} is too old; export with operator set 13 or later`, { opset });
  const graph: Graph = { ...model.graph, initializers: new Map(model.graph.initializers), valueInfo: new Map(model.graph.valueInfo) };
  const raise = new Raise(graph, opset, target);
  graph.nodes = graph.nodes.flatMap((node) => (node.domain === '' ? raise.node(node) : [node]));
  return { ...model, opsets: new Map(model.opsets).set('', target), graph };
}

class Raise {
  readonly #graph: Graph;
  readonly #opset: number;
  readonly #target: number;
  readonly #constants: GraphBuilder;

  constructor(graph: Graph, opset: number, target: number) {
    this.#graph = graph;
    this.#opset = opset;
    this.#target = target;
    this.#constants = new GraphBuilder(graph, target);
  }

  node(node: Node): Node[] {
    return (this.#opset < LEAST ? this.#toLeast(node) : [node]).flatMap((raised) => this.#beyond(raised));
  }

  /** From 13 on. */
  #beyond(node: Node): Node[] {
    switch (node.opType) {
      case 'ReduceL1':
      case 'ReduceL2':
      case 'ReduceLogSum':
      case 'ReduceLogSumExp':
      case 'ReduceMax':
      case 'ReduceMean':
      case 'ReduceMin':
      case 'ReduceProd':
      case 'ReduceSumSquare':
        return [this.#passes(18) ? this.#moved(node, ['axes']) : node];
      case 'Split':
        return [this.#passes(18) && !node.inputs[1] ? withAttribute(node, 'num_outputs', int(node.outputs.length)) : node];
      case 'GridSample':
        return [this.#passes(20) ? sampledByName(node) : node];
      case 'GroupNormalization':
        return this.#passes(21) ? this.#channelwise(node) : [node];
      default:
        return [node];
    }
  }

  /** Whether the model was of a set before `opset`, and is not any more. */
  #passes(opset: number): boolean {
    return this.#opset < opset && this.#target >= opset;
  }

  #toLeast(node: Node): Node[] {
    switch (node.opType) {
      case 'Squeeze':
      case 'Unsqueeze':
      case 'ReduceSum':
        return [this.#moved(node, ['axes'])];
      case 'Split':
        return [this.#moved(node, ['split'])];
      case 'Slice':
        return [this.#opset < 10 ? this.#moved(node, ['starts', 'ends', 'axes']) : node];
      case 'TopK':
        return [
          this.#opset < 10
            ? { ...node, inputs: [node.inputs[0]!, this.#ints([intAttribute(node, 'k', 1)])], attributes: without(node, 'k') }
            : node,
        ];
      case 'Pad':
        return [this.#opset < 11 ? this.#limits(this.#moved(node, ['pads']), ['value']) : node];
      case 'Clip':
        return [this.#opset < 11 ? this.#limits(node, ['min', 'max']) : node];
      case 'Dropout':
        return [this.#opset < 12 ? { ...node, attributes: without(node, 'ratio') } : node];
      case 'BatchNormalization':
        return [this.#opset < 9 ? { ...node, attributes: without(node, 'spatial') } : node];
      case 'Scatter':
        return [{ ...node, opType: 'ScatterElements' }];
      case 'Upsample':
        return [this.#resize(node)];
      case 'Resize':
        return [this.#opset < 11 ? this.#resize(node) : node];
      case 'Softmax':
      case 'LogSoftmax':
      case 'Hardmax':
        return this.#softmax(node);
      default:
        return [node];
    }
  }

  /** Attributes of integers as inputs behind those that are there. */
  #moved(node: Node, names: readonly string[]): Node {
    const lists = names.map((name) => (node.attributes.has(name) ? this.#ints(intsAttribute(node, name, [])) : ''));
    const given = lists.slice(0, lists.findLastIndex((list) => list !== '') + 1);
    return { ...node, inputs: [...node.inputs, ...given], attributes: without(node, ...names) };
  }

  /** Attributes of single floats as inputs. */
  #limits(node: Node, names: readonly string[]): Node {
    const limits = names.map((name) => {
      const attribute = node.attributes.get(name);
      return attribute?.kind === 'float' ? this.#constants.floats([], [attribute.value], this.#dataType(node)) : '';
    });
    return { ...node, inputs: [...node.inputs, ...limits], attributes: without(node, ...names) };
  }

  /** Before operator set 11 positions were those of the first pixel, rounded down. */
  #resize(node: Node): Node {
    const attribute = node.attributes.get('scales');
    const scales = attribute?.kind === 'floats' ? this.#constants.floats([attribute.value.length], attribute.value) : node.inputs[1]!;
    const mode = node.attributes.get('mode');
    const attributes: [string, Attribute][] = [
      ['mode', mode?.kind === 'string' && mode.value !== 'nearest' ? string('linear') : string('nearest')],
      ['coordinate_transformation_mode', string('asymmetric')],
      ['nearest_mode', string('floor')],
    ];
    return { ...node, opType: 'Resize', inputs: [node.inputs[0]!, '', scales], attributes: new Map(attributes) };
  }

  /** All axes from the operator's on counted as one. */
  #softmax(node: Node): Node[] {
    const [input, output] = [node.inputs[0]!, node.outputs[0]!];
    const dims = this.#type(input)?.dims;
    if (!dims)
      throw new DiptychError('graph_unsupported', `node ${node.name} (${node.opType}): the shape of ${input} is not known`, {
        node: node.name,
      });
    const given = intAttribute(node, 'axis', 1);
    const axis = given < 0 ? given + dims.length : given;
    const attributes = new Map(node.attributes).set('axis', int(-1));
    if (axis === dims.length - 1) return [{ ...node, attributes }];
    const sizes = dims as number[];
    const rest = sizes.slice(axis).reduce((product, size) => product * size, 1);
    const flat = [...sizes.slice(0, axis), rest];
    const [before, after] = [`${output}.flat`, `${output}.soft`];
    for (const name of [before, after]) this.#graph.valueInfo.set(name, { dataType: this.#dataType(node), dims: flat });
    return [
      makeNode('Reshape', `${node.name}/flat`, [input, this.#ints(flat)], [before]),
      { ...node, inputs: [before], outputs: [after], attributes },
      makeNode('Reshape', `${node.name}/back`, [after, this.#ints(sizes)], [output]),
    ];
  }

  /** Scale and bias of each group, for each of its channels. */
  #channelwise(node: Node): Node[] {
    const [input, ...factors] = node.inputs as [string, ...string[]];
    const channels = this.#type(input)?.dims?.[1];
    const groups = intAttribute(node, 'num_groups', 1);
    if (typeof channels !== 'number')
      throw new DiptychError('graph_unsupported', `node ${node.name} (${node.opType}): the shape of ${input} is not known`, {
        node: node.name,
      });
    const dataType = this.#dataType(node);
    const widened = factors.map((factor, k) => {
      const [column, wide, flat] = ['column', 'wide', 'flat'].map((part) => `${node.outputs[0]!}.factor.${k}.${part}`) as [
        string,
        string,
        string,
      ];
      const types: [string, number[]][] = [
        [column, [groups, 1]],
        [wide, [groups, channels / groups]],
        [flat, [channels]],
      ];
      for (const [name, dims] of types) this.#graph.valueInfo.set(name, { dataType, dims });
      return {
        flat,
        nodes: [
          makeNode('Reshape', `${node.name}/${k}/column`, [factor, this.#ints([groups, 1])], [column]),
          makeNode('Expand', `${node.name}/${k}/wide`, [column, this.#ints([groups, channels / groups])], [wide]),
          makeNode('Reshape', `${node.name}/${k}/flat`, [wide, this.#ints([channels])], [flat]),
        ],
      };
    });
    return [...widened.flatMap(({ nodes }) => nodes), { ...node, inputs: [input, ...widened.map(({ flat }) => flat)] }];
  }

  /** The largest int64, which is "to the end", is beyond what a number holds. */
  #ints(values: readonly number[]): string {
    return this.#constants.int64s(values.map((value) => Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)));
  }

  #dataType(node: Node): DataType {
    return this.#type(node.inputs[0]!)?.dataType ?? 'float32';
  }

  #type(name: string): ValueType | undefined {
    const { valueInfo, initializers, inputs } = this.#graph;
    return valueInfo.get(name) ?? initializers.get(name) ?? inputs.find((input) => input.name === name)?.type;
  }
}

/** Operator set 20 names the modes of interpolation otherwise. */
function sampledByName(node: Node): Node {
  const mode = node.attributes.get('mode');
  const name = mode?.kind === 'string' ? { bilinear: 'linear', bicubic: 'cubic' }[mode.value] : undefined;
  return name === undefined ? node : withAttribute(node, 'mode', string(name));
}

const withAttribute = (node: Node, name: string, value: Attribute): Node => ({
  ...node,
  attributes: new Map(node.attributes).set(name, value),
});

function without(node: Node, ...names: readonly string[]): Map<string, Attribute> {
  return new Map([...node.attributes].filter(([name]) => !names.includes(name)));
}
