package com.edgeconv.recognition.model

import com.edgeconv.recognition.model.RecognitionException.Kind
import com.edgeconv.recognition.stream.Contract
import org.json.JSONException
import org.json.JSONObject
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** A model's file, with what it says of itself. */
class ModelFile(
    val bytes: ByteArray,
) {
    /** SHA-256 of the bytes, in small hexadecimal digits. */
    val sha256: String by lazy { UpdateCheck.sha256(bytes) }

    /**
     * Makes sure that this is the file which this library was tested with.
     *
     * @throws RecognitionException where the bytes differ, or the file was made for other data
     */
    fun checkPackaged() {
        if (sha256 != Contract.SHA256) {
            wrong("its SHA-256 is $sha256, but ${Contract.SHA256} was tested")
        }
        checkContract()
    }

    /**
     * Makes sure that the file takes the windows that this library makes, and gives its classes.
     *
     * @throws RecognitionException where its contract is another one, or cannot be read
     */
    fun checkContract() {
        val text = attached(CONTRACT_FILE) ?: wrong("it carries no contract")
        val json =
            try {
                JSONObject(text)
            } catch (error: JSONException) {
                wrong("its contract cannot be read: ${error.message}", error)
            }
        FileContract.difference(json)?.let { wrong(it) }
    }

    /**
     * The text of a file that is attached to the model; null where there is none.
     *
     * TFLite metadata are an uncompressed zip behind the flatbuffer, with offsets from its start.
     */
    internal fun attached(name: String): String? {
        val file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
        val end = (bytes.size - END_BYTES downTo 0).firstOrNull { file.getInt(it) == END_MARK }
        if (end == null) return null
        return try {
            var entry = file.getInt(end + 16)
            repeat(file.getShort(end + 10).toInt()) {
                if (file.getInt(entry) != ENTRY_MARK) wrong("its attached files are damaged")
                val nameBytes = file.getShort(entry + 28).toInt()
                if (String(bytes, entry + ENTRY_BYTES, nameBytes) == name) {
                    return text(file, file.getInt(entry + 42), file.getInt(entry + 24))
                }
                entry +=
                    ENTRY_BYTES + nameBytes + file.getShort(entry + 30) + file.getShort(entry + 32)
            }
            null
        } catch (error: IndexOutOfBoundsException) {
            wrong("its attached files are damaged", error)
        }
    }

    private fun text(
        file: ByteBuffer,
        header: Int,
        size: Int,
    ): String {
        if (file.getShort(header + 8).toInt() != 0) wrong("its attached files are compressed")
        val begin = header + HEADER_BYTES + file.getShort(header + 26) + file.getShort(header + 28)
        return String(bytes, begin, size)
    }

    private fun wrong(
        reason: String,
        cause: Throwable? = null,
    ): Nothing {
        val message = "this is not the model: $reason"
        throw RecognitionException(Kind.WRONG_MODEL, message, cause)
    }

    private companion object {
        const val CONTRACT_FILE = "edgeconv.json"
        const val END_MARK = 0x06054b50
        const val END_BYTES = 22
        const val ENTRY_MARK = 0x02014b50
        const val ENTRY_BYTES = 46
        const val HEADER_BYTES = 30
    }
}
