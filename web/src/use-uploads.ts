import { useEffect, useRef, useState } from 'preact/hooks'
import type { AttachmentInfo } from '../../src/http/wire.ts'
import { ApiError, upload } from './api.ts'

/** The gateway's limit. */
const MAX_BYTES = 20 * 1024 * 1024
const MAX_FILES = 10

interface UploadEntry {
  readonly key: number
  readonly name: string
  /** The address of a picture's preview in this page; null for other files. */
  readonly preview: string | null
  /** Set once it is uploaded. */
  readonly info: AttachmentInfo | null
  readonly problem: string | null
}

export interface UploadList {
  readonly list: readonly UploadEntry[]
  readonly done: readonly AttachmentInfo[]
  readonly busy: boolean
  add(files: readonly File[]): void
  remove(key: number): void
  clear(): void
}

/** Attachments of the next message. Each file is uploaded at once, so that sending is instant. */
export function useUploads(conversation: string): UploadList {
  const [list, setList] = useState<readonly UploadEntry[]>([])
  const nextKey = useRef(0)

  const change = (key: number, part: Partial<UploadEntry>): void =>
    setList((entries) => entries.map((entry) => (entry.key === key ? { ...entry, ...part } : entry)))

  const start = (file: File): UploadEntry => {
    const key = nextKey.current++
    const preview = file.type.startsWith('image/') ? URL.createObjectURL(file) : null
    const problem = file.size > MAX_BYTES ? 'larger than 20 MB' : null
    if (!problem)
      upload(conversation, file).then(
        (info) => change(key, { info }),
        (error: unknown) =>
          change(key, { problem: error instanceof ApiError ? error.message : 'could not be uploaded' }),
      )
    return { key, name: file.name || 'picture', preview, info: null, problem }
  }

  const forget = (entries: readonly UploadEntry[]): void => {
    for (const { preview } of entries) if (preview) URL.revokeObjectURL(preview)
  }

  const clear = (): void =>
    setList((entries) => {
      forget(entries)
      return []
    })

  // An upload belongs to its conversation.
  useEffect(() => clear, [conversation])

  return {
    list,
    done: list.flatMap((entry) => (entry.info ? [entry.info] : [])),
    busy: list.some((entry) => !entry.info && !entry.problem),
    add: (files) => {
      const room = MAX_FILES - list.length
      const started = files.slice(0, Math.max(0, room)).map(start)
      setList((entries) => [...entries, ...started])
    },
    remove: (key) =>
      setList((entries) => {
        forget(entries.filter((entry) => entry.key === key))
        return entries.filter((entry) => entry.key !== key)
      }),
    clear,
  }
}
