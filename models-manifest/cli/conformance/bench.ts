/** The folder's networks as sessions, prepared in memory by the same passes as `diptych prepare` and loaded by the engine's own classes. */
import path from 'node:path';
import { LoadedGraph, type LoadOptions } from '../../../client/engine/loaded-graph.ts';
import type { Adapters } from '../../../client/engine/adapters.ts';
import { componentOf, type GraphName } from '../../../client/engine/pipeline.ts';
import type { Runtime, RuntimeTensor } from '../../../client/engine/sessions/runtime.ts';
import { DiptychError } from '../../../shared/errors.ts';
import type { FusedForm } from '../../../shared/fusion/fused-form.ts';
import { findSites } from '../../../shared/fusion/sites.ts';
import { guidedDenoiser } from '../../../shared/fusion/guided.ts';
import { readLora } from '../../../shared/lora/read.ts';
import type { Component } from '../../../shared/lora/lora.ts';
import { type LayerEntry, LORA_KINDS, TEXT_ENCODERS, type TextEncoderName } from '../../../shared/manifest.ts';
import { floatTimestep } from '../../../shared/onnx/float-timestep.ts';
import type { Graph, Model } from '../../../shared/onnx/ir.ts';
import { fixDims, inputNames } from '../pipeline/fix-dims.ts';
import { fixEncoder, TEXT_FOLDERS } from '../pipeline/read-encoders.ts';
import { readPart } from '../pipeline/read-part.ts';
import { DENOISER_FOLDERS, type GoldenFolder, goldenIds, goldenTensor, loraFile, readRequired } from './golden-folder.ts';

export type Part = GraphName;

/** How a graph is loaded: as it is, with both LoRAs fused in, or fused and wrapped by classifier-free guidance. */
export type Form = 'plain' | 'fused' | 'guided';

const FILES: Record<Part, readonly string[]> = {
  textEncoder: [TEXT_FOLDERS.textEncoder.encoder],
  textEncoder2: [TEXT_FOLDERS.textEncoder2.encoder],
  textEncoder3: [TEXT_FOLDERS.textEncoder3.encoder],
  denoiser: DENOISER_FOLDERS,
  decoder: ['vae_decoder'],
};

/** The graph inputs that are not golden tensors of their own name. */
const LATENT_INPUTS = new Set(['sample', 'hidden_states']);

export class Bench {
  readonly folder: GoldenFolder;
  readonly runtime: Runtime;
  readonly #models = new Map<Part, Promise<Model>>();
  readonly #graphs = new Map<string, Promise<LoadedGraph>>();
  #adapters: Promise<Adapters> | undefined;

  constructor(folder: GoldenFolder, runtime: Runtime) {
    this.folder = folder;
    this.runtime = runtime;
  }

  /** Both LoRAs, read against the layers of the folder's own networks. */
  adapters(): Promise<Adapters> {
    return (this.#adapters ??= this.#readAdapters());
  }

  /** `fused` says what the fused layers must be able to do. */
  graph(part: Part, form: Form, fused: FusedForm = { applies: true }): Promise<LoadedGraph> {
    return this.once(`${part} ${form} ${fused.measures} ${fused.applies}`, () => this.#load(part, form, fused));
  }

  /** A graph that is loaded when it is first asked for, and closed with the bench. */
  once(key: string, load: () => Promise<LoadedGraph>): Promise<LoadedGraph> {
    const known = this.#graphs.get(key);
    if (known) return known;
    const loading = load();
    this.#graphs.set(key, loading);
    return loading;
  }

  /** What the denoiser reads beside latent, timestep and the fusion inputs: golden tensors of the same names. */
  conditioning(graph: LoadedGraph): Record<string, RuntimeTensor> {
    const named = graph.inputs.filter((input) => this.folder.tensors.tensors.has(input.name));
    return Object.fromEntries(
      named.map(({ name }) => {
        const { data, dims } = goldenTensor(this.folder, name);
        return [name, this.runtime.upload(data, dims)];
      }),
    );
  }

  /** A text encoder of fixed dims, as it is. */
  async encoder(name: TextEncoderName): Promise<{ graph: Graph; file: string }> {
    return { graph: (await this.#model(name)).graph, file: path.join(this.folder.root, TEXT_FOLDERS[name].encoder) };
  }

  async close(): Promise<void> {
    for (const graph of this.#graphs.values()) await (await graph.catch(() => undefined))?.close();
  }

  #model(part: Part): Promise<Model> {
    const known = this.#models.get(part);
    if (known) return known;
    const reading = this.#readModel(part);
    this.#models.set(part, reading);
    return reading;
  }

  async #readModel(part: Part): Promise<Model> {
    const source = await readPart(this.folder.root, FILES[part]);
    const encoder = TEXT_ENCODERS.find((name) => name === part);
    if (encoder) return fixEncoder(source, goldenIds(this.folder, encoder).length / 2);
    const dims = Object.fromEntries(inputNames(source).map((name) => [name, this.#inputDims(part, name)]));
    const normal = await fixDims(source, dims);
    return part === 'denoiser' ? floatTimestep(normal) : normal;
  }

  #inputDims(part: Part, name: string): number[] {
    const latent = () => goldenTensor(this.folder, 'latent').dims;
    if (part === 'decoder') return latent();
    if (part === 'denoiser' && LATENT_INPUTS.has(name)) return [2, ...latent().slice(1)];
    if (name === 'timestep') return [1];
    const found = this.folder.tensors.tensors.get(name);
    if (!found)
      throw new DiptychError('pipeline_incomplete', `${this.folder.root}/golden.safetensors has no tensor for the input ${name}`, {
        input: name,
      });
    return found.shape;
  }

  async #load(part: Part, form: Form, fused: FusedForm): Promise<LoadedGraph> {
    const model = await this.#model(part);
    const touched = form === 'plain' ? [] : await this.#touched(part);
    const options: LoadOptions = {
      name: path.join(this.folder.root, part),
      modules: touched,
      form: fused,
      session: { strict: !findsEnd(model) },
    };
    if (form === 'guided') options.wrap = guidedDenoiser;
    return LoadedGraph.of(this.runtime, model, [], options);
  }

  async #touched(part: Part): Promise<string[]> {
    const component = componentOf(part);
    if (!component) return [];
    const adapters = (await this.adapters())[component];
    return [...new Set([...adapters.subject, ...adapters.style].map((layer) => layer.module))];
  }

  async #readAdapters(): Promise<Adapters> {
    const layersOf = async (part: Part): Promise<LayerEntry[]> => findSites((await this.#model(part)).graph).map((site) => site.layer);
    const hasText = this.folder.tensors.tensors.has('input_ids');
    const base: Partial<Record<Component, LayerEntry[]>> = { denoiser: await layersOf('denoiser') };
    for (const encoder of hasText ? this.folder.encoders : []) {
      const component = componentOf(encoder);
      if (component) base[component] = await layersOf(encoder);
    }
    const [subject, style] = await Promise.all(
      LORA_KINDS.map(async (kind) => {
        const file = await loraFile(this.folder, kind);
        return readLora(await readRequired(file), base, file);
      }),
    );
    const of = (component: Component) => ({ subject: subject![component], style: style![component] });
    return { denoiser: of('denoiser'), textEncoder: of('textEncoder'), textEncoder2: of('textEncoder2') };
  }
}

/** A text encoder that pools looks for the end token by integer arithmetic, which WebGPU leaves to the CPU, once a prompt. */
const findsEnd = ({ graph }: Model): boolean => graph.nodes.some((node) => node.opType === 'ArgMax');
