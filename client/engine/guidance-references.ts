import type { BlobRef } from '../../shared/manifest.ts';
import { embedPictures, embedPrompt } from './embed-reference.ts';
import { type GuidancePlan, type PlannedMetric, type PromptReference, referenceBlobs } from './guidance-plan.ts';
import type { Runtime } from './sessions/runtime.ts';

/** What the metrics of a run come near to: as the catalogue has it, of a picture of the visitor's, or of the prompt. */
export class GuidanceReferences {
  /** The last prompt's embedding: a text tower can be half a gigabyte to read again for the next seed. */
  #latest: { key: string; embedding: Float32Array } | undefined;

  /** The files that `embed` reads. */
  blobs({ metrics }: GuidancePlan): BlobRef[] {
    return metrics.flatMap((metric) => {
      const known = 'tower' in metric.reference && this.#latest?.key === keyOf(metric.reference);
      return known ? [] : referenceBlobs(metric);
    });
  }

  /** One embedding [width] a metric, in the plan's order. */
  async embed(runtime: Runtime, { metrics }: GuidancePlan, blobs: ReadonlyMap<string, Uint8Array>): Promise<Float32Array[]> {
    const references: Float32Array[] = [];
    for (const metric of metrics) references.push(await this.#embed(runtime, metric, blobs));
    return references;
  }

  async #embed(runtime: Runtime, metric: PlannedMetric, blobs: ReadonlyMap<string, Uint8Array>): Promise<Float32Array> {
    const { reference } = metric;
    if ('data' in reference) return embedPictures(runtime, metric, [reference], blobs);
    if (!('tower' in reference)) return Float32Array.from(reference);
    const key = keyOf(reference);
    if (this.#latest?.key === key) return this.#latest.embedding;
    const embedding = await embedPrompt(runtime, reference.tower, reference.prompt, blobs);
    this.#latest = { key, embedding };
    return embedding;
  }
}

const keyOf = ({ tower, prompt }: PromptReference): string => `${tower.graph.topology.sha256} ${prompt}`;
