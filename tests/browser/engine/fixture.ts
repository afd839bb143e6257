/** A file of the fixture pipeline `sd15-tiny`. */
export async function fixture(path: string): Promise<Uint8Array> {
  const response = await fetch(`/tests/fixtures/sd15-tiny/${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
