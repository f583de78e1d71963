/** In pixels. */
export interface ImageSize {
  readonly width: number
  readonly height: number
}

/** Segments of a JPEG that hold its size: all SOF but DHT, JPG and DAC. @see ITU-T T.81 table B.1 */
const FRAMES: ReadonlySet<number> = new Set([
  0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf,
])
/** `IHDR`, the first chunk of a PNG. */
const PNG_HEADER = 0x49484452
/** Behind it the picture itself begins. */
const SCAN = 0xda

/**
 * The size of a picture, by its first bytes. Pure.
 *
 * @param mediaType as `sniff` gives it
 * @returns null: it cannot be seen there
 */
export function imageSize(mediaType: string, bytes: Uint8Array): ImageSize | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    switch (mediaType) {
      case 'image/png':
        return view.getUint32(12) !== PNG_HEADER
          ? null
          : { width: view.getUint32(16), height: view.getUint32(20) }
      case 'image/gif':
        return { width: view.getUint16(6, true), height: view.getUint16(8, true) }
      case 'image/webp':
        return webpSize(view)
      case 'image/jpeg':
        return jpegSize(view)
      default:
        return null
    }
  } catch (error) {
    // It ends before its size.
    if (error instanceof RangeError) return null
    throw error
  }
}

/** @see RFC 9649 §2.5 to §2.7 */
function webpSize(view: DataView): ImageSize | null {
  const SIZE_14_BITS = 0x3fff
  switch (view.getUint8(15)) {
    // `VP8X`
    case 0x58:
      return {
        width: 1 + (view.getUint32(24, true) & 0xffffff),
        height: 1 + (view.getUint16(27, true) | (view.getUint8(29) << 16)),
      }
    // `VP8L`
    case 0x4c: {
      const bits = view.getUint32(21, true)
      return { width: 1 + (bits & SIZE_14_BITS), height: 1 + ((bits >>> 14) & SIZE_14_BITS) }
    }
    // `VP8 `
    case 0x20:
      return {
        width: view.getUint16(26, true) & SIZE_14_BITS,
        height: view.getUint16(28, true) & SIZE_14_BITS,
      }
    default:
      return null
  }
}

function jpegSize(view: DataView): ImageSize | null {
  for (let at = 2; ;) {
    if (view.getUint8(at) !== 0xff) return null
    const marker = view.getUint8(at + 1)
    // Any number of fill bytes may stand before a marker.
    if (marker === 0xff) at++
    else if (marker === SCAN) return null
    else if (FRAMES.has(marker)) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) }
    else at += 2 + view.getUint16(at + 2)
  }
}
