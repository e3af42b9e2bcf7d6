/** The frame of every page that this program writes: it loads nothing, and a browser is told to let it load nothing. */
import { type Html, html } from "./html.js";

/** The style sheets apply in their order. */
export function htmlDocument(title: string, styles: readonly Html[], body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${styles}</style>
</head>
<body>
${body}
</body>
</html>
`.text;
}
