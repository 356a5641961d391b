# mypy: disable-error-code="import-untyped, no-untyped-call, untyped-decorator"
"""Vectors of sixteen numbers as a numba type, so that one row of a tile is one value in registers.

`Vector` behaves like its element type (float32 or float64): + - * /, comparisons give a `Mask`, masks combine with &.
Arithmetic is exactly as written (no reassociation), apart from `fma` and the sum's fixed tree, so results do not depend on
the compiler's mood. LLVM lowers the sixteen lanes to whatever the machine has.
"""

import operator
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

intrinsic = cast(Callable[[Callable[..., Any]], Any], extending.intrinsic)

LANES = 16
_I1, _I32 = ir.IntType(1), ir.IntType(32)


class Vector(types.Type):
    """Sixteen floats."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector{LANES}({dtype})")


class Mask(types.Type):
    """Sixteen truth values."""

    def __init__(self) -> None:
        super().__init__(name=f"Mask{LANES}")


MASK = Mask()


def _vector_ir(vector: Vector) -> ir.VectorType:
    return ir.VectorType(ir.FloatType() if vector.dtype.bitwidth == 32 else ir.DoubleType(), LANES)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Vector) -> None:
        super().__init__(dmm, fe_type, _vector_ir(fe_type))


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Mask) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(_I1, LANES))


def _broadcast(builder: Any, scalar: Any) -> Any:
    kind = ir.VectorType(scalar.type, LANES)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES))


def _as_vector(context: Any, builder: Any, value: Any, kind: Any, vector: Vector) -> Any:
    """`value` itself, or a number cast to the vector's precision in every lane."""
    if isinstance(kind, Vector):
        return value
    return _broadcast(builder, context.cast(builder, value, kind, vector.dtype))


def _pair(args: Any) -> Vector | None:
    """The vector type of (vector, vector), (vector, number) or (number, vector)."""
    vectors = [a for a in args if isinstance(a, Vector)]
    if len(args) != 2 or not vectors or not all(isinstance(a, Vector | types.Number) for a in args):
        return None
    return vectors[0] if all(v == vectors[0] for v in vectors) else None


def _define(op: Callable[..., Any], emit: Callable[..., Any], result: Mask | None) -> None:
    """Teach numba one binary operator between vectors and numbers."""

    class Template(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            vector = _pair(args)
            return None if vector is None else signature(result or vector, *args)

    infer_global(op)(Template)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = _pair(sig.args)
        left, right = (_as_vector(context, builder, v, k, vector) for v, k in zip(args, sig.args, strict=True))  # type: ignore[arg-type]
        return emit(builder, left, right)

    for left, right in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):
        lower_builtin(op, left, right)(lower)


for _op, _name in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul"), (operator.truediv, "fdiv")):
    _define(_op, lambda builder, a, b, name=_name: getattr(builder, name)(a, b), None)
for _op, _name in ((operator.gt, ">"), (operator.ge, ">="), (operator.lt, "<"), (operator.le, "<=")):
    _define(_op, lambda builder, a, b, name=_name: builder.fcmp_ordered(name, a, b), MASK)


@infer_global(operator.and_)
class _MaskAnd(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        return signature(MASK, *args) if args == (MASK, MASK) else None


@lower_builtin(operator.and_, Mask, Mask)
def _lower_and(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.and_(*args)


def _row_pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Pointer to sixteen elements of a C-contiguous 1-D array from `index` on."""
    data = context.make_array(array_type)(context, builder, array).data
    kind = ir.VectorType(context.get_data_type(array_type.dtype), LANES)
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())


@intrinsic
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """Sixteen elements of a contiguous 1-D array from `index` on."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_row_pointer(context, builder, sig.args[0], *args), align=sig.args[0].dtype.bitwidth // 8)

    return Vector(array.dtype)(array, types.intp), codegen


@intrinsic
def store(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Write sixteen elements."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _row_pointer(context, builder, sig.args[0], *args[:2])
        builder.store(args[2], pointer, align=sig.args[0].dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.none(array, types.intp, value), codegen


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once where the machine can; numbers are spread over the lanes."""
    vector = next(k for k in (a, b, c) if isinstance(k, Vector))

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        spread = [_as_vector(context, builder, v, k, vector) for v, k in zip(args, sig.args, strict=True)]
        kind = spread[0].type
        name = f"llvm.fmuladd.v{LANES}f{vector.dtype.bitwidth}"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), name)
        return builder.call(function, spread)

    return vector(a, b, c), codegen


@intrinsic
def select(typingctx: Any, mask: Any, a: Any, b: Any) -> Any:
    """Lanes of `a` where the mask holds, else of `b`; numbers are spread."""
    vector = next(k for k in (a, b) if isinstance(k, Vector))

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right = (_as_vector(context, builder, v, k, vector) for v, k in zip(args[1:], sig.args[1:], strict=True))
        return builder.select(args[0], left, right)

    return vector(mask, a, b), codegen


@intrinsic
def count(typingctx: Any, mask: Any) -> Any:
    """How many lanes hold."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = builder.bitcast(args[0], ir.IntType(LANES))
        return builder.zext(builder.ctpop(bits), context.get_value_type(types.intp))

    return types.intp(mask), codegen


@intrinsic
def total(typingctx: Any, vector: Any) -> Any:
    """Sum of the lanes as a number, always added in the same tree."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        value, width = args[0], LANES
        while width > 1:
            width //= 2
            halves = [
                builder.shuffle_vector(
                    value, value, ir.Constant(ir.VectorType(_I32, width), list(range(start, start + width)))
                )
                for start in (0, width)
            ]
            value = builder.fadd(*halves)
        return builder.extract_element(value, ir.Constant(_I32, 0))

    return vector.dtype(vector), codegen


@intrinsic
def exp(typingctx: Any, vector: Any) -> Any:
    """e**x for x <= 0, lane by lane: libm in float64, in float32 a polynomial right to 2e-7 (x below -80 counts as -80)."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return (_exp32 if vector.dtype.bitwidth == 32 else _exp64)(builder, args[0])

    return vector(vector), codegen


def _exp64(builder: Any, x: Any) -> Any:
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.DoubleType(), [ir.DoubleType()]), "exp"
    )
    result = ir.Constant(x.type, ir.Undefined)
    for lane in range(LANES):
        at = ir.Constant(_I32, lane)
        result = builder.insert_element(result, builder.call(function, [builder.extract_element(x, at)]), at)
    return result


def _exp2_coefficients() -> list[float]:
    """2**f on [-1/2, 1/2] as a polynomial of degree 5 with value 1 at 0, least squares at Chebyshev nodes of relative error."""
    f = 0.5 * np.cos(np.pi * (np.arange(256) + 0.5) / 256)
    powers = f[:, None] ** np.arange(1, 6)
    weight = 2.0**-f
    fit = np.linalg.lstsq(powers * weight[:, None], (2.0**f - 1) * weight, rcond=None)[0]
    return [1.0, *map(float, fit)]


def _exp32(builder: Any, x: Any) -> Any:
    """2**(n + f): adding 1.5 * 2**23 rounds to the integer n and leaves it in the low bits, which become the exponent."""

    def constant(value: float) -> Any:
        return ir.Constant(x.type, [float(np.float32(value))] * LANES)

    def multiply_add(a: Any, b: Any, c: Any) -> Any:
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(x.type, [x.type] * 3), f"llvm.fmuladd.v{LANES}f32"
        )
        return builder.call(function, [a, b, c])

    integers = ir.VectorType(_I32, LANES)
    low, magic = constant(-80.0), constant(12582912.0)
    t = builder.fmul(builder.select(builder.fcmp_ordered(">", x, low), x, low), constant(np.log2(np.e)))
    rounded = builder.fadd(t, magic)
    f = builder.fsub(t, builder.fsub(rounded, magic))
    coefficients = _exp2_coefficients()
    p = constant(coefficients[-1])
    for c in coefficients[-2::-1]:
        p = multiply_add(p, f, constant(c))
    exponent = builder.shl(builder.bitcast(rounded, integers), ir.Constant(integers, [23] * LANES))
    return builder.bitcast(builder.add(builder.bitcast(p, integers), exponent), x.type)
