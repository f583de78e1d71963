/** The kinds that the model reads, by how their content begins: a name or a header can say anything. */
const SIGNATURES: ReadonlyArray<{
  readonly mediaType: string
  readonly parts: ReadonlyArray<readonly [offset: number, bytes: string]>
}> = [
  { mediaType: 'image/png', parts: [[0, '\x89PNG\r\n\x1a\n']] },
  { mediaType: 'image/jpeg', parts: [[0, '\xff\xd8\xff']] },
  { mediaType: 'image/gif', parts: [[0, 'GIF87a']] },
  { mediaType: 'image/gif', parts: [[0, 'GIF89a']] },
  {
    mediaType: 'image/webp',
    parts: [
      [0, 'RIFF'],
      [8, 'WEBP'],
    ],
  },
  { mediaType: 'application/pdf', parts: [[0, '%PDF-']] },
]

/** Bytes that are enough to recognise every signature. */
export const SNIFF_BYTES = 16

/** The media type of what begins with `head`; null = none that the model reads. */
export function sniff(head: Uint8Array): string | null {
  const text = Buffer.from(head.subarray(0, SNIFF_BYTES)).toString('latin1')
  return (
    SIGNATURES.find(({ parts }) => parts.every(([offset, bytes]) => text.startsWith(bytes, offset)))
      ?.mediaType ?? null
  )
}
