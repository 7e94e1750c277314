package com.edgeconv.model

import android.content.Context
import com.edgeconv.model.ModelException.Kind
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import org.tensorflow.lite.Interpreter
import java.io.Closeable
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest

/** The model's file in LiteRT, asked by the model's own names. */
internal object LiteRt {
    /**
     * Opens the model of this library, once its bytes were found to be those that were tested: on
     * `CompiledModel`, or on the Interpreter where that cannot be had.
     *
     * @throws ModelException where it is another file, or neither can open it
     */
    fun packaged(
        context: Context,
        threads: Int,
    ): Engine {
        val bytes =
            try {
                context.assets.open(Contract.MODEL).use { it.readBytes() }
            } catch (error: IOException) {
                throw ModelException(Kind.WRONG_MODEL, "it is not there: $error", cause = error)
            }
        val sha256 = MessageDigest.getInstance("SHA-256").digest(bytes)
        val digits = sha256.joinToString("") { "%02x".format(it) }
        if (digits != Contract.SHA256) {
            val reason = "its SHA-256 is $digits, but ${Contract.SHA256} was tested"
            throw ModelException(Kind.WRONG_MODEL, reason)
        }
        return try {
            CompiledEngine(context, threads)
        } catch (_: LiteRtException) {
            InterpreterEngine(bytes, threads)
        } catch (_: LinkageError) {
            // its native library is not for this phone's processor
            InterpreterEngine(bytes, threads)
        }
    }
}

/** @throws LiteRtException where it cannot be opened */
internal class CompiledEngine(
    context: Context,
    threads: Int,
) : Engine,
    Closeable {
    override val name = "LiteRT CompiledModel, cpu"

    private val open = ArrayDeque<AutoCloseable>()
    private val model: CompiledModel
    private val inputs: Map<String, TensorBuffer>
    private val outputs: Map<String, TensorBuffer>

    init {
        try {
            val environment = Environment.create().also(open::add)
            val options = CompiledModel.Options(Accelerator.CPU)
            options.cpuOptions = CompiledModel.CpuOptions(threads, null, null)
            model =
                CompiledModel
                    .create(context.assets, Contract.MODEL, options, environment)
                    .also(open::add)
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

/** @throws ModelException where it cannot be opened */
internal class InterpreterEngine(
    bytes: ByteArray,
    threads: Int,
) : Engine,
    Closeable {
    override val name = "LiteRT Interpreter, cpu"

    private val interpreter =
        failing {
            val file = ByteBuffer.allocateDirect(bytes.size).put(bytes)
            Interpreter(file, Interpreter.Options().setNumThreads(threads))
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
