import type { Page } from 'playwright-core';

/** Roles that mean nothing without a name. */
const NAMED = new Set([
  'button',
  'link',
  'textbox',
  'combobox',
  'radio',
  'checkbox',
  'image',
  'meter',
  'region',
  'form',
  'navigation',
  'table',
  'Date',
]);

interface Node {
  ignored: boolean;
  role?: { value: string };
  name?: { value: string };
  properties?: { name: string; value: { value?: unknown } }[];
}

export interface AccessibleNode {
  role: string;
  name: string;
  /** Of headings. */
  level: number | undefined;
}

/** What Chromium tells screen readers of the page, in its order. */
export async function accessibleNodes(page: Page): Promise<AccessibleNode[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = (await session.send('Accessibility.getFullAXTree')) as { nodes: Node[] };
  await session.detach();
  return nodes
    .filter(({ ignored }) => !ignored)
    .map(({ role, name, properties }) => ({
      role: role?.value ?? '',
      name: name?.value.trim() ?? '',
      level: properties?.find((property) => property.name === 'level')?.value.value as number | undefined,
    }));
}

/** Roles of those that have no name though they need one. */
export const nameless = (nodes: readonly AccessibleNode[]): string[] =>
  nodes.filter(({ role, name }) => NAMED.has(role) && name === '').map(({ role }) => role);
