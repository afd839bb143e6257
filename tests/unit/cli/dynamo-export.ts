import { int64Tensor, makeNode, type Model, type Node } from '../../../shared/onnx/ir.ts';

const REDUCES = new Set(['ReduceMean', 'ReduceMax', 'ReduceL2']);

/**
 * An export as torch's dynamo exporter names it: nodes and values are counted, and the module path is in the metadata alone. Of operator set 18, where
 * reductions read their axes.
 */
export function dynamoExport(model: Model, prefix = ''): Model {
  const { graph } = model;
  const kept = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name).concat(...graph.initializers.keys(), ''));
  const names = new Map<string, string>();
  const renamed = (name: string) => {
    if (kept.has(name)) return name;
    if (!names.has(name)) names.set(name, `val_${names.size}`);
    return names.get(name)!;
  };
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.map((node, index): Node => {
    const path = node.name.split('/').slice(1, -1);
    const scopes = ['', ...path.map((_, depth) => prefix + path.slice(0, depth + 1).join('.')), `${node.opType.toLowerCase()}_${index}`];
    const metadata = new Map([
      ['namespace', `: model.Model/${path.map((name, depth) => `${path.slice(0, depth + 1).join('.')}: torch.nn.${name}`).join('/')}`],
      ['pkg.torch.onnx.name_scopes', `[${scopes.map((scope) => `'${scope}'`).join(', ')}]`],
    ]);
    const attributes = new Map(node.attributes);
    const inputs = node.inputs.map(renamed);
    const axes = attributes.get('axes');
    if (REDUCES.has(node.opType) && axes?.kind === 'ints') {
      attributes.delete('axes');
      const name = `axes_${index}`;
      initializers.set(name, int64Tensor([axes.value.length], axes.value.map(Number)));
      inputs.push(name);
    }
    return { ...node, name: `node_${node.opType}_${index}`, inputs, outputs: node.outputs.map(renamed), attributes, metadata };
  });
  return {
    ...model,
    producer: 'pytorch',
    opsets: new Map(model.opsets).set('', 18),
    graph: { ...graph, nodes, initializers, valueInfo: new Map() },
  };
}

/** Splits of the older form say their sizes; of operator set 18 some say their count alone. */
export function countedSplits(model: Model): Model {
  const nodes = model.graph.nodes.map((node) => {
    const sizes = node.opType === 'Split' ? model.graph.initializers.get(node.inputs[1] ?? '') : undefined;
    return sizes
      ? {
          ...node,
          inputs: [node.inputs[0]!],
          attributes: new Map(node.attributes).set('num_outputs', { kind: 'int' as const, value: node.outputs.length }),
        }
      : node;
  });
  return { ...model, graph: { ...model.graph, nodes } };
}

/** Every weight and bias is read through an Identity, as exporters leave equal ones that they keep once. */
export function sharedThroughIdentity(model: Model): Model {
  const { initializers } = model.graph;
  const identities: Node[] = [];
  const nodes = model.graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => {
      if (initializers.get(name)?.dataType !== 'float32') return name;
      const alias = `${name}.shared`;
      if (!identities.some(({ outputs }) => outputs[0] === alias))
        identities.push(makeNode('Identity', `Identity_${identities.length}`, [name], [alias]));
      return alias;
    }),
  }));
  return { ...model, graph: { ...model.graph, nodes: [...identities, ...nodes] } };
}

/** The model as an attribute `name` of another module: every path begins with it. */
export function wrappedExport(model: Model, name: string): Model {
  const nodes = model.graph.nodes.map((node) => (node.name.startsWith('/') ? { ...node, name: `/${name}${node.name}` } : node));
  return { ...model, graph: { ...model.graph, nodes } };
}

/** Every initializer as a Constant node. */
export function constantNodes(model: Model): Model {
  const constants = Array.from(model.graph.initializers, ([name, value]) =>
    makeNode('Constant', `Constant_${name}`, [], [name], { value: { kind: 'tensor', value } }),
  );
  return { ...model, graph: { ...model.graph, nodes: [...constants, ...model.graph.nodes], initializers: new Map() } };
}
