/** Everything that a channel has to convert, with the characters that break naive converters. */
export const MARKDOWN_SHOWCASE = `# A heading

Some **bold**, some *italic*, some ~~struck~~ text, \`inline code with <tags> & _underscores_\`, and a
[link](https://example.com/a_(b)?x=1&y=2).

## Lists

- first
- second with a \`code_word\`
  - nested
1. one
2. two

> A quotation
> in two lines.

\`\`\`ts
const answer: number = 6 * 7 // <not a tag> & "quotes"
\`\`\`

| name | value |
|---|---:|
| snake_case_word | 1_000 |
| 5 * 3 | 15 |

Stray characters: * _ ~ \` [ ] ( ) < > # + - = | { } . ! & @everyone \\ and an unclosed **bold.

Right to left: שלום עולם, مرحبا. Emoji: 👩‍👩‍👧‍👦 🇩🇪 ✨`
