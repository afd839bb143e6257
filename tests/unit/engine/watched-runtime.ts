import type { Runtime, RuntimeTensor, Session, SessionOptions, WeightData } from '../../../client/engine/sessions/runtime.ts';

/** A tensor that went into a session or came out of one. */
export interface Seen {
  value: string;
  dims: readonly number[];
  location: string;
}

/** A runtime that does what another does, and tells what passed: where the tensors of each run lay, and what was read back. */
export class WatchedRuntime {
  readonly seen: Seen[] = [];
  /** Elements of each tensor read to the host. */
  readonly reads: number[] = [];
  readonly #inner: Runtime;

  constructor(inner: Runtime) {
    this.#inner = inner;
  }

  /** The runtime to be used in place of the other. */
  watched(): Runtime {
    const inner = this.#inner;
    return new Proxy(inner, {
      get: (_, key: keyof Runtime) => {
        if (key === 'createSession')
          return async (...args: [Uint8Array, readonly WeightData[], SessionOptions?]) => this.#watch(await inner.createSession(...args));
        if (key === 'read')
          return (tensor: RuntimeTensor) => {
            this.reads.push(tensor.size);
            return inner.read(tensor);
          };
        const value: unknown = inner[key];
        return typeof value === 'function' ? value.bind(inner) : value;
      },
    });
  }

  #watch(session: Session): Session {
    return {
      inputs: session.inputs,
      outputs: session.outputs,
      release: () => session.release(),
      run: async (feeds) => {
        const outputs = await session.run(feeds);
        for (const [value, { dims, location }] of [...Object.entries(feeds), ...Object.entries(outputs)])
          this.seen.push({ value, dims, location });
        return outputs;
      },
    };
  }
}
