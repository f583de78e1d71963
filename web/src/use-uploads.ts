import { useEffect, useRef, useState } from 'preact/hooks'
import type { AttachmentInfo } from '../../src/http/wire.ts'
import { ApiError, upload } from './api.ts'
import { attemptResult, type UnsentFile } from './unsent/unsent-message.ts'

/** The gateway's limit. */
const MAX_BYTES = 20 * 1024 * 1024
const MAX_FILES = 10

interface UploadEntry {
  readonly key: number
  readonly name: string
  /** The address of a picture's preview in this page; null for other files. */
  readonly preview: string | null
  readonly file: File
  readonly state: 'uploading' | 'uploaded' | 'refused' | 'unreachable'
  readonly info: AttachmentInfo | null
  /** Why it was refused. */
  readonly problem: string | null
}

export interface UploadList {
  readonly list: readonly UploadEntry[]
  /** Ready to be sent; what could not be uploaded yet is uploaded with the message. */
  readonly done: readonly UnsentFile[]
  readonly busy: boolean
  add(files: readonly File[]): void
  remove(key: number): void
  clear(): void
}

/** Attachments of the next message. Each file is uploaded at once, so that sending is instant. */
export function useUploads(conversation: string, principal: string): UploadList {
  const [list, setList] = useState<readonly UploadEntry[]>([])
  const nextKey = useRef(0)

  const change = (key: number, part: Partial<UploadEntry>): void =>
    setList((entries) => entries.map((entry) => (entry.key === key ? { ...entry, ...part } : entry)))

  const start = (file: File): UploadEntry => {
    const key = nextKey.current++
    const preview = file.type.startsWith('image/') ? URL.createObjectURL(file) : null
    const name = file.name || 'picture'
    const entry: UploadEntry = {
      key,
      name,
      preview,
      file,
      state: 'uploading',
      info: null,
      problem: null,
    }
    if (file.size > MAX_BYTES) return { ...entry, state: 'refused', problem: 'larger than 20 MB' }
    upload(conversation, name, file, principal).then(
      (info) => change(key, { state: 'uploaded', info }),
      (error: unknown) =>
        error instanceof ApiError && attemptResult(error).kind === 'refused'
          ? change(key, { state: 'refused', problem: error.message })
          : change(key, { state: 'unreachable' }),
    )
    return entry
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
    done: list
      .filter(({ state }) => state === 'uploaded' || state === 'unreachable')
      .map(({ name, file, info }) => ({ name, content: file, uploaded: info })),
    busy: list.some(({ state }) => state === 'uploading'),
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
