package com.edgeconv.recognition.personal

import com.edgeconv.recognition.EmbeddingModel
import com.edgeconv.recognition.Model
import com.edgeconv.recognition.stream.Contract
import com.edgeconv.recognition.stream.Window

/**
 * A model with what its user has enrolled on top. It gives probabilities, so its decisions are those of
 * `Decider(logits = false)`.
 *
 * @throws IllegalArgumentException where the file gives no embedding: export it with `--embedding`
 */
class PersonalModel(
    private val model: EmbeddingModel,
    val layer: PersonalLayer,
) : Model {
    /**
     * What the user is doing now, by their own word: every window is enrolled as this class. Null
     * enrolls nothing. Set it from the thread that collects, or while nobody does.
     */
    @Volatile
    var enrolling: String? = null
        set(value) {
            require(value == null || value in Contract.LABELS) { "there is no class '$value'" }
            field = value
        }

    init {
        require(layer.file.embedding > 0) { "the model's file gives no embedding" }
    }

    override fun outputs(window: Window): FloatArray {
        val given = model.run(window)
        val outputs = given.outputs.map(Float::toDouble)
        val embedding = given.embedding.map(Float::toDouble)
        enrolling?.let { layer.enroll(Contract.LABELS.indexOf(it), outputs, embedding) }
        val answer = layer.answer(outputs, embedding).probabilities
        return FloatArray(answer.size) { answer[it].toFloat() }
    }
}
