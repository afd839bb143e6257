/** Where a catalogue is published to. */
export interface PublishTarget {
  /** For messages. */
  name: string;
  /** Whether the file is there already, whole. */
  has(key: string, bytes: number): Promise<boolean>;
  put(key: string, bytes: Uint8Array, contentType: string): Promise<void>;
  close(): Promise<void>;
}
