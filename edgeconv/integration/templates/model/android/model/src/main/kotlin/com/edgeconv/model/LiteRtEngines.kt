package com.edgeconv.model

import com.edgeconv.model.ModelException.Kind
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import org.tensorflow.lite.Interpreter
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * The model in LiteRT's `CompiledModel`, asked by the model's own names.
 *
 * @param create opens the file with these options
 * @throws LiteRtException where this unit cannot run it
 */
internal class CompiledEngine(
    unit: ComputeUnit,
    threads: Int,
    create: (CompiledModel.Options, Environment) -> CompiledModel,
) : Engine {
    override val name = "LiteRT CompiledModel, ${unit.id}"

    private val open = ArrayDeque<AutoCloseable>()
    private val model: CompiledModel
    private val inputs: Map<String, TensorBuffer>
    private val outputs: Map<String, TensorBuffer>

    init {
        try {
            val environment = Environment.create().also(open::add)
            val options = CompiledModel.Options(Accelerator.valueOf(unit.name))
            options.cpuOptions = CompiledModel.CpuOptions(threads, null, null)
            model = create(options, environment).also(open::add)
            inputs = buffers(Contract.INPUTS) { model.createInputBuffer(it, null) }
            outputs = buffers(Contract.OUTPUTS) { model.createOutputBuffer(it, null) }
        } catch (error: LiteRtException) {
            close()
            throw error
        }
    }

    override fun run(inputs: Tensors): Tensors =
        try {
            for ((name, buffer) in this.inputs) {
                when (val tensor = inputs.getValue(name)) {
                    is Floats -> buffer.writeFloat(tensor.values)
                    is Ints -> buffer.writeInt(tensor.values)
                }
            }
            model.run(this.inputs, outputs, null)
            Contract.OUTPUTS.associate { spec ->
                val buffer = outputs.getValue(spec.name)
                spec.name to if (spec.ints) Ints(buffer.readInt()) else Floats(buffer.readFloat())
            }
        } catch (error: LiteRtException) {
            throw ModelException(Kind.FAILED, "$name: ${error.message}", cause = error)
        }

    /** The last first: buffers belong to the model, and it to the environment. */
    override fun close() {
        while (open.isNotEmpty()) open.removeLast().close()
    }

    private fun buffers(
        specs: List<TensorSpec>,
        create: (String) -> TensorBuffer,
    ) = specs.associate { it.name to create(it.name).also(open::add) }
}

/** The model in LiteRT's `Interpreter`, which runs on the CPU only. */
internal class InterpreterEngine(
    file: ModelFile,
    threads: Int,
) : Engine {
    override val name = "LiteRT Interpreter, ${ComputeUnit.CPU.id}"

    private val interpreter =
        failing {
            val buffer = ByteBuffer.allocateDirect(file.bytes.size).put(file.bytes)
            Interpreter(buffer, Interpreter.Options().setNumThreads(threads))
        }
    private val signature = interpreter.signatureKeys.first()
    private val inputs = Contract.INPUTS.associate { it.name to buffer(it) }
    private val outputs = Contract.OUTPUTS.associate { it.name to buffer(it) }

    override fun run(inputs: Tensors): Tensors {
        for ((name, buffer) in this.inputs) {
            buffer.rewind()
            when (val tensor = inputs.getValue(name)) {
                is Floats -> buffer.asFloatBuffer().put(tensor.values)
                is Ints -> buffer.asIntBuffer().put(tensor.values)
            }
        }
        outputs.values.forEach(ByteBuffer::rewind)
        failing { interpreter.runSignature(this.inputs, outputs, signature) }
        return Contract.OUTPUTS.associate { spec ->
            val buffer = outputs.getValue(spec.name)
            buffer.rewind()
            val (floats, ints) = buffer.asFloatBuffer() to buffer.asIntBuffer()
            spec.name to spec.tensor(spec.size, floats::get, ints::get)
        }
    }

    override fun close() = interpreter.close()

    private fun buffer(spec: TensorSpec): ByteBuffer =
        ByteBuffer.allocateDirect(BYTES * spec.size).order(ByteOrder.nativeOrder())

    private fun <T> failing(action: () -> T): T =
        try {
            action()
        } catch (error: IllegalArgumentException) {
            throw ModelException(Kind.FAILED, "$name: ${error.message}", cause = error)
        } catch (error: IllegalStateException) {
            throw ModelException(Kind.FAILED, "$name: ${error.message}", cause = error)
        }

    private companion object {
        const val BYTES = 4
    }
}
