import { DiptychError } from '../errors.ts';
import { dataTypeOf } from './data-type.ts';
import { removeDead } from './dead-code.ts';
import { intAttribute, type Graph, type Model, type Node, reads } from './ir.ts';
import { renameReads } from './rename.ts';

/** Operators that move elements without computing: they work on floats as they did on integers. */
const MOVES = new Set(['Expand', 'Unsqueeze', 'Squeeze', 'Reshape', 'Identity', 'Tile', 'Flatten']);

/**
 * The model with its int64 input `timestep` as float32: integer data operators would leave the GPU. The Casts to float32 behind it go.
 * Timesteps are whole numbers below 2^24, which float32 holds exactly. A model whose timestep is a float already is returned as it is.
 *
 * @throws graph_unsupported where the model has no such input, or computes with the integer before it is cast
 */
export function floatTimestep(model: Model, input = 'timestep'): Model {
  const { graph } = model;
  const value = graph.inputs.find(({ name }) => name === input);
  if (!value) throw unsupported(graph, `has no input ${input}; it has ${graph.inputs.map(({ name }) => name).join(', ')}`);
  if (value.type.dataType !== 'int64' && value.type.dataType !== 'int32') return model;
  const floats = new Set([input]);
  const aliases = new Map<string, string>();
  const nodes = graph.nodes.flatMap((original) => {
    const node = renameReads(original, aliases);
    // Under their own names: what reads the timestep through a Cast that went expects a float.
    return reads(original).some((name) => floats.has(name)) ? carry(graph, node, floats, aliases) : [node];
  });
  const valueInfo = new Map(
    Array.from(graph.valueInfo, ([name, type]) => [name, floats.has(name) ? { ...type, dataType: 'float32' as const } : type]),
  );
  const inputs = graph.inputs.map((other) =>
    other === value ? { name: input, type: { ...value.type, dataType: 'float32' as const } } : other,
  );
  return { ...model, graph: removeDead({ ...graph, nodes, inputs, valueInfo }) };
}

/** A node that reads the timestep: moves carry the float on, a Cast to float32 has nothing left to do. */
function carry(graph: Graph, node: Node, floats: Set<string>, aliases: Map<string, string>): Node[] {
  const output = node.outputs[0]!;
  const isOutput = graph.outputs.some(({ name }) => name === output);
  if (node.domain === '' && node.opType === 'Cast' && !isOutput) {
    const to = dataTypeOf(intAttribute(node, 'to', 0));
    if (to !== 'float32') return [node];
    aliases.set(output, node.inputs[0]!);
    return [];
  }
  if (node.domain === '' && MOVES.has(node.opType) && floats.has(node.inputs[0]!) && !isOutput) {
    floats.add(output);
    return [node];
  }
  throw unsupported(graph, `computes with the integer timestep in node ${node.name} (${node.opType}) before casting it to a float`);
}

function unsupported(graph: Graph, reason: string): DiptychError {
  return new DiptychError('graph_unsupported', `graph ${graph.name} ${reason}`, { graph: graph.name });
}
