/** What a worker must know before its first message. It travels in the worker's own address. */
export interface WorkerConfig {
  /** The site key: `pk_...`. */
  site: string;
  /** The edge's origin: `https://edge.example`. */
  edge: string;
  /** URL prefix of onnxruntime's files, ending in `/`. */
  ortPath: string;
}

export function workerAddress(workerUrl: string | URL, config: WorkerConfig): URL {
  const address = new URL(workerUrl, location.href);
  for (const [key, value] of Object.entries(config)) address.searchParams.set(key, value);
  return address;
}

/** @throws TypeError when the address of the worker lacks a part: it was not started by `connectEngine`. */
export function readWorkerConfig(address: string): WorkerConfig {
  const { searchParams } = new URL(address);
  const part = (key: keyof WorkerConfig): string => {
    const value = searchParams.get(key);
    if (value === null) throw new TypeError(`the engine worker’s address lacks ${key}; start it by connectEngine`);
    return value;
  };
  return { site: part('site'), edge: part('edge'), ortPath: part('ortPath') };
}
