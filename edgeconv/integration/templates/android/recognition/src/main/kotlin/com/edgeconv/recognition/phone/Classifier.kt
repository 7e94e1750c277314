package com.edgeconv.recognition.phone

import android.content.Context
import com.edgeconv.recognition.Model
import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Window
import org.tensorflow.lite.Interpreter
import java.io.Closeable
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.channels.FileChannel

/**
 * The TFLite model: a window in, an output for each class. Not for several threads at once.
 *
 * One thread is the fastest for a model of this size. Close it when it is not used any more.
 *
 * @throws IllegalArgumentException where the file does not take and give what [Contract] says
 */
class Classifier(
    file: ByteBuffer,
) : Model,
    Closeable {
    private val interpreter = Interpreter(file, Interpreter.Options().setNumThreads(1))
    private val input = arrayOf(FloatArray(Contract.SOURCES.size * Contract.WINDOW))
    private val output = arrayOf(FloatArray(Contract.LABELS.size))

    init {
        val takes = interpreter.getInputTensor(0).shape().toList()
        val gives = interpreter.getOutputTensor(0).shape().toList()
        require(takes == listOf(1, input[0].size) && gives == listOf(1, output[0].size)) {
            "the model maps $takes to $gives, which is not what the library was made for"
        }
    }

    override fun outputs(window: Window): FloatArray {
        window.values.copyInto(input[0])
        interpreter.run(input, output)
        return output[0].copyOf()
    }

    override fun close() = interpreter.close()

    companion object {
        /** Opens the model of this library, mapped into memory: it must lie uncompressed in the APK. */
        fun packaged(context: Context): Classifier =
            context.assets.openFd(Contract.MODEL).use { asset ->
                FileInputStream(asset.fileDescriptor).use { stream ->
                    val file =
                        stream.channel.map(
                            FileChannel.MapMode.READ_ONLY,
                            asset.startOffset,
                            asset.declaredLength,
                        )
                    Classifier(file)
                }
            }
    }
}
