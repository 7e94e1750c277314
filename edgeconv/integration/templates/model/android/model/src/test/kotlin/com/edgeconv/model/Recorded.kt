package com.edgeconv.model

/** What edgeconv got from the model of this library. */
internal val golden = Golden(resource("golden.json"))

internal fun resource(name: String): String =
    checkNotNull(Golden::class.java.getResource("/$name")).readText()

/**
 * Gives the golden outputs to whoever asks with the golden inputs, so that no phone is needed.
 *
 * @property change what becomes of the outputs before they are given
 */
internal class RecordedEngine(
    private val change: (MutableMap<String, Tensor>) -> Unit = {},
) : Engine {
    override val name = "recorded"

    var asked = 0

    override fun run(inputs: Tensors): Tensors {
        asked++
        val vector = (0 until golden.size).first { same(golden.inputs(it), inputs) }
        // Last one first: nothing may depend on the order.
        val outputs = golden.expected(vector).entries.reversed()
        return outputs.associate { it.key to it.value }.toMutableMap().also(change)
    }

    override fun close() = Unit

    private fun same(
        one: Tensors,
        other: Tensors,
    ) = one.all { (name, tensor) -> told(tensor) == other[name]?.let(::told) }

    private fun told(tensor: Tensor): String =
        when (tensor) {
            is Floats -> tensor.values.joinToString()
            is Ints -> tensor.values.joinToString()
        }
}

/** The tensor with its last number replaced. */
internal fun Tensor.ending(value: Number): Tensor =
    when (this) {
        is Floats -> Floats(values.copyOf().also { it[size - 1] = value.toFloat() })
        is Ints -> Ints(values.copyOf().also { it[size - 1] = value.toInt() })
    }

/** The tensor without its last number. */
internal fun Tensor.shorter(): Tensor =
    when (this) {
        is Floats -> Floats(values.copyOf(size - 1))
        is Ints -> Ints(values.copyOf(size - 1))
    }
