import { expect, it } from 'vitest';

it('can be imported where there is no DOM, as a server does that renders a page with the element in it', async () => {
  expect(globalThis.customElements).toBeUndefined();
  await expect(import('../../../client/embed/loader.ts')).resolves.toBeDefined();
});
