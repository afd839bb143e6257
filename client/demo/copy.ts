const THANKS_MS = 2000;

/** A button that copies the text of `source`, and says so for a moment. */
export function startCopy(button: HTMLButtonElement, source: HTMLElement): void {
  const label = button.textContent;
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(source.textContent ?? '');
      button.textContent = 'Copied';
    } catch {
      // Not allowed, or not over https: then it is at least selected.
      getSelection()?.selectAllChildren(source);
      button.textContent = 'Selected: press Ctrl+C';
    }
    setTimeout(() => (button.textContent = label), THANKS_MS);
  });
}
