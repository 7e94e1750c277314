package com.edgeconv.model

import android.content.Context
import com.edgeconv.model.ModelException.Kind
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Interpreter
import java.io.Closeable
import java.io.FileInputStream
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import org.tensorflow.lite.Tensor as FileTensor

/**
 * The TFLite file in LiteRT, asked by the names of its signature.
 *
 * @throws ModelException where the file cannot be opened, or is not the model of [Contract]
 */
internal class LiteRtEngine(
    file: ByteBuffer,
    threads: Int,
) : Engine,
    Closeable {
    private val interpreter =
        failing { Interpreter(file, Interpreter.Options().setNumThreads(threads)) }
    private val signature = interpreter.signatureKeys.singleOrNull().orEmpty()
    private val inputs = Contract.INPUTS.associate { it.name to buffer(it) }
    private val outputs = Contract.OUTPUTS.associate { it.name to buffer(it) }

    init {
        if (signature.isEmpty()) throw ModelException(Kind.WRONG_MODEL, "it has no signature")
        compare("inputs", Contract.INPUTS, interpreter.getSignatureInputs(signature)) {
            interpreter.getInputTensorFromSignature(it, signature)
        }
        compare("outputs", Contract.OUTPUTS, interpreter.getSignatureOutputs(signature)) {
            interpreter.getOutputTensorFromSignature(it, signature)
        }
    }

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
        return Contract.OUTPUTS.associate { it.name to read(it) }
    }

    override fun close() = interpreter.close()

    private fun read(spec: TensorSpec): Tensor {
        val buffer = outputs.getValue(spec.name)
        buffer.rewind()
        return if (spec.ints) {
            Ints(IntArray(spec.size).also(buffer.asIntBuffer()::get))
        } else {
            Floats(FloatArray(spec.size).also(buffer.asFloatBuffer()::get))
        }
    }

    companion object {
        private const val BYTES = 4

        fun packaged(
            context: Context,
            threads: Int,
        ): LiteRtEngine = LiteRtEngine(failing { mapped(context) }, threads)

        private fun mapped(context: Context): ByteBuffer =
            context.assets.openFd(Contract.MODEL).use { asset ->
                FileInputStream(asset.fileDescriptor).use { stream ->
                    stream.channel.map(
                        FileChannel.MapMode.READ_ONLY,
                        asset.startOffset,
                        asset.declaredLength,
                    )
                }
            }

        private fun buffer(spec: TensorSpec): ByteBuffer =
            ByteBuffer.allocateDirect(BYTES * spec.size).order(ByteOrder.nativeOrder())

        private fun <T> failing(action: () -> T): T =
            try {
                action()
            } catch (error: IOException) {
                throw ModelException(Kind.FAILED, error.toString(), cause = error)
            } catch (error: IllegalArgumentException) {
                throw ModelException(Kind.FAILED, error.toString(), cause = error)
            } catch (error: IllegalStateException) {
                throw ModelException(Kind.FAILED, error.toString(), cause = error)
            }

        private fun compare(
            side: String,
            specs: List<TensorSpec>,
            names: Array<String>,
            tensor: (String) -> FileTensor,
        ) {
            val ours = specs.map { told(it.name, it.shape, it.ints) }.toSet()
            val theirs =
                names
                    .map { name ->
                        val found = tensor(name)
                        when (found.dataType()) {
                            DataType.FLOAT32 -> told(name, found.shape().toList(), ints = false)
                            DataType.INT32 -> told(name, found.shape().toList(), ints = true)
                            else -> "$name ${found.dataType()}"
                        }
                    }.toSet()
            if (ours != theirs) {
                throw ModelException(
                    Kind.WRONG_MODEL,
                    "its $side are ${theirs.joinToString()}, not ${ours.joinToString()}",
                )
            }
        }

        private fun told(
            name: String,
            shape: List<Int>,
            ints: Boolean,
        ) = "$name ${shape.joinToString("×")} ${if (ints) "int32" else "float32"}"
    }
}
