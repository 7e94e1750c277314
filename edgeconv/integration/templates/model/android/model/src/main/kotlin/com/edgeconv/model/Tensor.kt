package com.edgeconv.model

import com.edgeconv.model.ModelException.Kind

/** The values of one input or output, flat: its last axis varies fastest. */
sealed interface Tensor {
    val size: Int
}

class Floats(
    val values: FloatArray,
) : Tensor {
    override val size get() = values.size
}

class Ints(
    val values: IntArray,
) : Tensor {
    override val size get() = values.size
}

/**
 * One input or output of the model's file.
 *
 * @property name the model's own
 * @property shape with the batch axis
 * @property ints whether it holds int32, float32 otherwise
 * @property limits the lowest and highest whole number that an input takes
 */
class TensorSpec(
    val name: String,
    val shape: List<Int>,
    val ints: Boolean,
    val limits: IntRange? = null,
) {
    val size = shape.fold(1, Int::times)

    /** @throws ModelException where the model does not take these values */
    fun checkInput(tensor: Tensor?) {
        if (!fits(tensor)) {
            throw ModelException(
                Kind.WRONG_SIZE,
                "$name takes $size ${kind()}, not ${told(tensor)}",
                tensor = name,
            )
        }
        if (tensor is Floats) {
            val place = tensor.values.indexOfFirst { !it.isFinite() }
            if (place >= 0) {
                throw ModelException(
                    Kind.INPUT_NOT_FINITE,
                    "$name[$place] is ${tensor.values[place]}",
                    tensor = name,
                )
            }
        } else if (tensor is Ints && limits != null) {
            val place = tensor.values.indexOfFirst { it !in limits }
            if (place >= 0) {
                throw ModelException(
                    Kind.INPUT_OUT_OF_RANGE,
                    "$name[$place] is ${tensor.values[place]}, not within $limits",
                    tensor = name,
                )
            }
        }
    }

    /** @throws ModelException where this is not a whole and finite output */
    fun checkOutput(tensor: Tensor?) {
        if (!fits(tensor)) {
            throw ModelException(
                Kind.WRONG_OUTPUT,
                "the model gave ${told(tensor)} for $name, not $size ${kind()}",
                tensor = name,
            )
        }
        if (tensor is Floats) {
            val place = tensor.values.indexOfFirst { !it.isFinite() }
            if (place >= 0) {
                throw ModelException(
                    Kind.OUTPUT_NOT_FINITE,
                    "the model gave ${tensor.values[place]} for $name[$place]",
                    tensor = name,
                )
            }
        }
    }

    /** A tensor of this type, each value from one of these. */
    internal inline fun tensor(
        size: Int,
        float: (Int) -> Float,
        int: (Int) -> Int,
    ): Tensor =
        if (ints) Ints(IntArray(size) { int(it) }) else Floats(FloatArray(size) { float(it) })

    private fun fits(tensor: Tensor?) = tensor?.size == size && (tensor is Ints) == ints

    private fun kind() = if (ints) "int32" else "float32"

    private fun told(tensor: Tensor?) =
        when (tensor) {
            null -> "nothing"
            is Floats -> "${tensor.size} float32"
            is Ints -> "${tensor.size} int32"
        }
}

/** A sample or a prediction under the model's own names. */
typealias Tensors = Map<String, Tensor>

internal fun Tensors.floats(name: String): FloatArray = (getValue(name) as Floats).values

internal fun Tensors.ints(name: String): IntArray = (getValue(name) as Ints).values

/** The class with the largest number; the first of them where several are the largest. */
internal fun Tensors.label(
    name: String,
    labels: List<String>,
): String = floats(name).let { values -> labels[values.indices.maxBy { values[it] }] }
