package com.edgeconv.recognition

import com.edgeconv.recognition.model.ModelFile
import com.edgeconv.recognition.model.RecognitionException
import com.edgeconv.recognition.model.RecognitionException.Kind
import com.edgeconv.recognition.stream.Contract
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** The model's own file, and files that are not it. */
class ModelFileTest {
    private val bytes =
        checkNotNull(javaClass.getResource("/${Contract.MODEL}")).readBytes()

    @Test
    fun itIsTheTestedOne() = ModelFile(bytes).checkPackaged()

    @Test
    fun anyOtherByteIsRefused() {
        for (place in listOf(0, bytes.size / 2, bytes.size - 1)) {
            val changed = bytes.copyOf().also { it[place]++ }
            refused("SHA-256") { ModelFile(changed).checkPackaged() }
        }
        refused("SHA-256") { ModelFile(bytes.copyOf(bytes.size - 1)).checkPackaged() }
        refused("SHA-256") { ModelFile(ByteArray(0)).checkPackaged() }
    }

    @Test
    fun anotherContractIsRefused() {
        ModelFile(bytes).checkContract()
        for ((key, value) in mapOf(
            "labels" to Contract.LABELS[0],
            "channels" to Contract.CHANNELS[0],
        )) {
            refused(
                key,
            ) {
                ModelFile(
                    replaced("\"$value\"", "\"${"?".repeat(value.length)}\""),
                ).checkContract()
            }
        }
        refused("sensor") { ModelFile(replaced("\"sensor\"", "\"tensor\"")).checkContract() }
        refused(
            "cannot be read",
        ) { ModelFile(replaced("\"sensor\":", "\"sensor\",")).checkContract() }
        refused(
            "no contract",
        ) { ModelFile(replaced("edgeconv.json", "edgeconv.jsom")).checkContract() }
    }

    @Test
    fun aFileThatEndsEarlyOrIsNoneIsRefused() {
        for (size in 0 until bytes.size step maxOf(1, bytes.size / 50)) {
            refused("") { ModelFile(bytes.copyOf(size)).checkContract() }
        }
        for (place in bytes.size - 400 until bytes.size) {
            val changed = bytes.copyOf().also { it[place] = 0xff.toByte() }
            try {
                ModelFile(changed).checkContract()
            } catch (error: RecognitionException) {
                assertEquals(Kind.WRONG_MODEL, error.kind) // and nothing else is thrown
            }
        }
    }

    /** The file with every occurrence of a text changed; the length stays. */
    private fun replaced(
        old: String,
        new: String,
    ): ByteArray =
        String(bytes, Charsets.ISO_8859_1).replace(old, new).toByteArray(Charsets.ISO_8859_1)

    private fun refused(
        reason: String,
        action: () -> Unit,
    ) {
        val error = assertThrows(RecognitionException::class.java) { action() }
        assertEquals(Kind.WRONG_MODEL, error.kind)
        assertTrue(error.message, reason in error.message.orEmpty())
    }
}
