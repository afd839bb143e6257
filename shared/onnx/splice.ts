import type { Graph, Model } from './ir.ts';
import { renameReads } from './rename.ts';

/**
 * Appends the nodes of `part` to `graph`, its inputs replaced by values of `graph`; all its other names begin with `prefix`.
 *
 * @param inputs input of `part` -> value of `graph`; every input must be given
 * @returns output of `part` -> value of `graph`
 */
export function splice(graph: Graph, part: Model, prefix: string, inputs: Readonly<Record<string, string>>): Map<string, string> {
  const own = [...part.graph.initializers.keys(), ...part.graph.nodes.flatMap((node) => node.outputs.filter((name) => name !== ''))];
  const names = new Map([...own.map((name) => [name, `${prefix}/${name}`] as const), ...Object.entries(inputs)]);
  const renamed = (name: string) => names.get(name) ?? name;
  for (const [name, tensor] of part.graph.initializers) graph.initializers.set(renamed(name), tensor);
  for (const node of part.graph.nodes) {
    graph.nodes.push({ ...renameReads(node, names), name: `${prefix}/${node.name}`, outputs: node.outputs.map(renamed) });
  }
  for (const [name, type] of part.graph.valueInfo) graph.valueInfo.set(renamed(name), type);
  for (const { name, type } of part.graph.outputs) graph.valueInfo.set(renamed(name), type);
  return new Map(part.graph.outputs.map(({ name }) => [name, renamed(name)]));
}
