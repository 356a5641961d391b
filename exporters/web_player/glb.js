// GLB and its accessors (glTF 2.0 specification, sections 3.6 and 4.4): every index, offset and count is checked first.

const MAGIC = 0x46546c67, VERSION = 2, JSON_CHUNK = 0x4e4f534a, BIN_CHUNK = 0x004e4942;
const MAX_FILE_BYTES = 2 ** 30, MAX_JSON_BYTES = 2 ** 22;
const MAX_ELEMENTS = 2 ** 24; // of one accessor; also what a float32 counts exactly
const BUDGET = { factor: 32, least: 2 ** 24, most: 2 ** 31 }; // bytes of all arrays: a multiple of the file's size

export const FLOAT = 5126, UBYTE = 5121, USHORT = 5123, UINT = 5125; // glTF's componentType codes
const ARRAYS = new Map([[FLOAT, Float32Array], [UBYTE, Uint8Array], [USHORT, Uint16Array], [UINT, Uint32Array]]);
const WIDTHS = new Map([["SCALAR", 1], ["VEC2", 2], ["VEC3", 3], ["VEC4", 4], ["MAT4", 16]]);

export function demand(condition, message) {
  if (!condition) throw new Error(message);
}

const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

export class Glb {
  constructor(buffer) {
    const size = buffer.byteLength;
    demand(size <= MAX_FILE_BYTES, `the file has ${size} bytes, at most ${MAX_FILE_BYTES} are read`);
    this.left = Math.min(Math.max(BUDGET.factor * size, BUDGET.least), BUDGET.most);
    const view = new DataView(buffer), word = (at) => view.getUint32(at, true);
    demand(size >= 28 && word(0) === MAGIC, "not a GLB file (it does not begin with glTF)");
    demand(word(4) === VERSION, `expected glTF version ${VERSION}, found ${word(4)}`);
    demand(word(8) === size, `truncated or damaged: its header promises ${word(8)} bytes, it has ${size}`);
    const text = word(12), blob = 20 + text;
    demand(word(16) === JSON_CHUNK && text <= MAX_JSON_BYTES, "the first chunk must be JSON of at most 4 MiB");
    const binary = blob + 8 <= size && word(blob + 4) === BIN_CHUNK && blob + 8 + word(blob) <= size;
    demand(binary, "the second chunk must be binary and lie within the file");
    this.document = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(buffer, 20, text)));
    demand(isObject(this.document), "its JSON must be an object");
    this.blob = new Uint8Array(buffer, blob + 8, word(blob));
  }

  // An entry of one of the document's lists, checked to be there.
  item(collection, index) {
    const entries = this.document[collection];
    const there = Array.isArray(entries) && isCount(index) && index < entries.length && isObject(entries[index]);
    demand(there, `refers to ${collection} ${index}, which the file does not have`);
    return entries[index];
  }

  // An accessor as a typed array of count * width numbers, sparse rows filled in.
  array(index, type, codes, count = null) {
    const accessor = this.described(index, type, codes, count), width = WIDTHS.get(type);
    const { componentType: code, count: length } = accessor, full = "bufferView" in accessor;
    const values = full ? this.rows(accessor, code, width, length) : this.zeros(length * width, code);
    if (!("sparse" in accessor)) return values;
    const { rows, values: replaced } = this.sparse(accessor, width);
    rows.forEach((row, i) => values.set(replaced.subarray(i * width, (i + 1) * width), row * width));
    return values;
  }

  // The rows of a float accessor that are not zero: {rows, values}, without a dense copy where it is sparse on zeros.
  movedRows(index, type, count) {
    const accessor = this.described(index, type, [FLOAT], count), width = WIDTHS.get(type);
    if (!("bufferView" in accessor) && "sparse" in accessor) return this.sparse(accessor, width);
    const dense = this.array(index, type, [FLOAT], count), moved = new Set();
    dense.forEach((value, i) => { if (value !== 0) moved.add(Math.floor(i / width)); });
    const rows = Uint32Array.from(moved), values = new Float32Array(rows.length * width);
    rows.forEach((row, i) => values.set(dense.subarray(row * width, (row + 1) * width), i * width));
    return { rows, values };
  }

  described(index, type, codes, count) {
    const accessor = this.item("accessors", index);
    const found = `${accessor.type} of ${accessor.componentType}`;
    demand(accessor.type === type && codes.includes(accessor.componentType),
      `accessor ${index} must be ${type} of ${codes.join(" or ")}, found ${found}`);
    const fits = isCount(accessor.count) && accessor.count > 0 && accessor.count <= MAX_ELEMENTS;
    demand(fits && (count === null || count === accessor.count),
      `accessor ${index} must have ${count ?? `1 to ${MAX_ELEMENTS}`} elements, found ${accessor.count}`);
    return accessor;
  }

  sparse(accessor, width) {
    const { sparse, count } = accessor;
    demand([sparse, sparse?.indices, sparse?.values].every(isObject), "a sparse accessor lacks indices or values");
    const code = sparse.indices.componentType;
    demand(isCount(sparse.count) && sparse.count > 0 && sparse.count <= count && [UBYTE, USHORT, UINT].includes(code),
      `a sparse accessor of ${count} elements replaces ${sparse.count} of them by type ${code}`);
    const rows = Uint32Array.from(this.rows(sparse.indices, code, 1, sparse.count));
    demand(rows.every((row, i) => row < count && (i === 0 || row > rows[i - 1])),
      "a sparse accessor's indices do not increase or leave the accessor");
    return { rows, values: this.rows(sparse.values, accessor.componentType, width, sparse.count) };
  }

  // Rows of the buffer view that `holder` names, copied and tightly packed.
  rows(holder, code, width, count) {
    const view = this.item("bufferViews", holder.bufferView);
    const row = width * ARRAYS.get(code).BYTES_PER_ELEMENT;
    const { byteOffset: start = 0, byteLength: length, byteStride: stride = row } = view;
    const offset = holder.byteOffset ?? 0, first = start + offset;
    demand(view.buffer === 0 && [start, length, stride, offset].every(isCount), "a buffer view is malformed");
    demand(start + length <= this.blob.length && stride >= row && offset + stride * (count - 1) + row <= length,
      "a buffer view ends beyond the data: the file is truncated or damaged");
    const values = this.zeros(count * width, code), bytes = new Uint8Array(values.buffer);
    if (stride === row) bytes.set(this.blob.subarray(first, first + count * row));
    else for (let i = 0, at = first; i < count; i++, at += stride) bytes.set(this.blob.subarray(at, at + row), i * row);
    return values;
  }

  // An array of that many numbers; its memory is taken from what the file may use.
  zeros(length, code = FLOAT) {
    const type = ARRAYS.get(code);
    this.left -= length * type.BYTES_PER_ELEMENT;
    demand(this.left >= 0, "its arrays would take more memory than a file of that size may");
    return new type(length);
  }
}
