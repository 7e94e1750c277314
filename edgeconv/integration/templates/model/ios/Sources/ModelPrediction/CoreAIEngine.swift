#if canImport(CoreAI)
  import CoreAI
  import Foundation

  /// The Core AI file, from iOS 27 on, asked by the names of its values.
  @available(iOS 27, macOS 27, watchOS 27, tvOS 27, visionOS 27, *)
  struct CoreAIEngine: Engine {
    let runtime = "Core AI"
    private let function: InferenceFunction

    /// Opens an `.aimodel`. Core AI keeps what it makes of it for this device.
    ///
    /// - Throws: ``ModelError/wrongModel(_:)`` where the file's own contract is another one, or
    ///   Core AI's error.
    init(contentsOf url: URL, computeUnits: ComputeUnits) async throws {
      let fields = try AIModelAsset(contentsOf: url).metadata.creatorDefinedMetadata
      if case .string(let text)? = fields[FileContract.key] {
        try FileContract.check(text)
      } else {
        try FileContract.check(nil)
      }
      let model = try await AIModel(contentsOf: url, options: computeUnits.coreAI)
      guard let function = try model.loadFunction(named: "main") else {
        throw ModelError.wrongModel("it has no function main")
      }
      self.function = function
    }

    func run(_ inputs: Tensors) async throws -> Tensors {
      var arrays: [String: NDArray] = [:]
      for spec in Contract.inputs {
        switch inputs[spec.name] {
        case .floats(let values):
          arrays[spec.name] = NDArray(scalars: values, shape: spec.shape)
        case .ints(let values):
          arrays[spec.name] = NDArray(scalars: values, shape: spec.shape)
        case nil:
          throw ModelError.wrongSize(tensor: spec.name, "it takes \(spec.told), not nothing")
        }
      }
      var given = try await function.run(inputs: arrays)
      var outputs = Tensors()
      for spec in Contract.outputs {
        guard let array = given.remove(spec.name)?.ndArray else { continue }
        switch array.scalarType {
        case .float32:
          outputs[spec.name] = .floats(Self.numbers(array.view(as: Float.self)))
        case .int32:
          outputs[spec.name] = .ints(Self.numbers(array.view(as: Int32.self)))
        default:
          continue  // which is no output of this model
        }
      }
      return outputs
    }

    /// In order, whatever gaps a compute unit left between them.
    private static func numbers<Value>(_ view: NDArray.View<Value>) -> [Value] {
      view.withUnsafePointer { place, shape, strides in
        var offsets = [0]
        for axis in 0..<shape.count {
          let (length, stride) = (shape[axis], strides[axis])
          offsets = offsets.flatMap { offset in (0..<length).map { offset + $0 * stride } }
        }
        return offsets.map { place[$0] }
      }
    }
  }
#endif
