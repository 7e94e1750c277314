import Foundation
import SensorStreaming

/// The model of this package on this device: proven before its first decision, and updated safely.
///
/// ```swift
/// let model = try ProvenModel()
/// let classifier = try await model.classifier()
/// ```
///
/// The first call runs the golden windows of `selftest.json` on every compute unit that the app
/// allows, and again after each update of app, model or system. A unit that answers otherwise than
/// the file did when it was made is not used again; the CPU is the fallback.
public actor ProvenModel {
  typealias Open = @Sendable (ModelFile, String) async throws -> any Engine

  /// Those that the app allows; the first is the fallback.
  public nonisolated let units: [String]
  /// Where everything is stored.
  public nonisolated let folder: URL
  /// What the tests said so far: the verdict and the figures of each unit.
  public private(set) var record: SelfTestRecord?
  /// Whether an installed update no longer held what it promised, and the app's own model is used.
  public private(set) var rolledBack = false
  /// Why an installed update is not used this time: it could not be read or opened now. It stays,
  /// and the next call tries it again. `nil`: nothing was in the way.
  public private(set) var postponed: String?

  private let appVersion: String
  private let own: ModelFile
  private let openFile: Open

  init(
    units: [String], folder: URL, appVersion: String, own: ModelFile, open: @escaping Open
  ) throws {
    precondition(!units.isEmpty)
    self.units = units
    self.folder = folder
    self.appVersion = appVersion
    self.own = own
    openFile = open
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    record = SelfTestRecord(contentsOf: Self.recordURL(in: folder))
  }

  /// The results file of the latest self-test: `edgeconv golden check BUNDLE FILE` judges it.
  public nonisolated var recordURL: URL { Self.recordURL(in: folder) }

  private static func recordURL(in folder: URL) -> URL {
    folder.appendingPathComponent("self-test.json")
  }

  /// What classifies from now on: the installed update, or the app's own model.
  ///
  /// An update that is damaged or answers wrongly is given up. One that cannot be read or opened
  /// now, as before the first unlock or while memory is short, is kept for the next time.
  ///
  /// - Throws: ``RecognitionError/noUnitPassed(_:)`` where no unit answers as it must: the app then
  ///   has no model.
  public func classifier() async throws -> Classifier {
    postponed = nil
    if let update = installed() {
      do {
        return try await proven(update)
      } catch RecognitionError.noUnitPassed(let record) where isWrong(record) {
        rollBack("\(RecognitionError.noUnitPassed(record).localizedDescription)")
      } catch {
        postpone(error)
      }
    }
    return try await proven(own)
  }

  /// Whether a unit answered otherwise than it must: an error may pass by itself, that does not.
  private func isWrong(_ record: SelfTestRecord) -> Bool {
    units.contains { record.result(of: $0)?.status == .failed }
  }

  private func postpone(_ error: any Error) {
    Log.note("the update waits for the next time: \(error)")
    postponed = error.localizedDescription
  }

  private func proven(_ file: ModelFile) async throws -> Classifier {
    let key = self.key(of: file)
    let (tested, engines) = await test(file, key: key, before: record) { record in
      store(record, of: file.test, as: recordURL)
    }
    record = tested
    guard let unit = tested.chosen, let engine = engines[unit] else {
      throw RecognitionError.noUnitPassed(tested)
    }
    Log.note("\(unit) runs the model")
    return Classifier(engine: engine, sha256: file.sha256)
  }

  /// The record after every unit has a verdict and one is chosen, if one passed; and what is open,
  /// that one included.
  private func test(
    _ file: ModelFile, key: SelfTestKey, before: SelfTestRecord?, keep: (SelfTestRecord) -> Void
  ) async -> (SelfTestRecord, [String: any Engine]) {
    var engines: [String: any Engine] = [:]
    var record = await file.test.run(on: units, key: key, before: before, keep: keep) { unit in
      let engine = try await openFile(file, unit)
      engines[unit] = engine
      return engine
    }
    while true {
      if !isChosen(record) { await choose(&record, for: file, opened: &engines) }
      guard let unit = record.chosen, engines[unit] == nil else { break }
      do {
        engines[unit] = try await openFile(file, unit)
      } catch {  // it passed once, but cannot be opened now
        record.giveUp(unit, error.localizedDescription)
      }
    }
    keep(record)
    return (record, engines)
  }

  /// Whether the choice of the last time still stands: every unit that passes was measured.
  private func isChosen(_ record: SelfTestRecord) -> Bool {
    let passing = record.passing(units)
    guard let chosen = record.chosen, passing.contains(chosen) else { return false }
    return passing.allSatisfy { record.result(of: $0)?.medianMilliseconds != nil }
  }

  /// Measures the units that pass, and chooses one; none where none passes.
  private func choose(
    _ record: inout SelfTestRecord, for file: ModelFile, opened: inout [String: any Engine]
  ) async {
    record.chosen = nil
    let passing = record.passing(units)
    var engines = opened
    for unit in passing where engines[unit] == nil {
      engines[unit] = try? await openFile(file, unit)
    }
    let clock = ContinuousClock()
    let times = await file.test.measure(passing) { unit, vector in
      guard let engine = engines[unit] else { throw RecognitionError.noModel(unit) }
      let begin = clock.now
      _ = try await engine.outputs(for: vector.input)
      return (clock.now - begin) / .milliseconds(1)
    }
    opened = engines
    let measured = times.compactMapValues { try? $0.get() }
    if measured.isEmpty {
      record.note(times, medians: [:])
    } else {
      let choice = SelfTest.choose(units, times: measured)
      record.note(times, medians: choice.medians)
      record.chosen = choice.chosen
    }
  }

  private func key(of file: ModelFile) -> SelfTestKey {
    SelfTestKey(appVersion: appVersion, modelSha256: file.sha256, system: Device.system)
  }

  /// A record that cannot be stored costs another test at the next start, nothing else.
  private func store(_ record: SelfTestRecord, of test: SelfTest, as url: URL) {
    do {
      try record.json(test: test, device: Device.model).write(to: url, options: .atomic)
    } catch {
      Log.note("the self-test's record cannot be stored: \(error)")
    }
  }

  // Updates.

  /// What is installed besides the app's own model.
  private struct Installed: Codable {
    var folder: String?
    var version: Int?
    /// The highest version that was ever installed.
    var floor: Int
    /// The public key that the floor belongs to; `nil`: not known, so every key.
    var publicKey: String?
  }

  private nonisolated var stateURL: URL { folder.appendingPathComponent("installed.json") }
  private nonisolated var updates: URL { folder.appendingPathComponent("updates") }

  /// - Throws: what the file system says of a file that is there, or that it is damaged: before the
  ///   first unlock after a restart no app reads its files. That is no reason to forget an update or
  ///   the floor.
  private func readState() throws -> Installed {
    guard let data = try Self.contents(of: stateURL) else { return Installed(floor: 0) }
    guard let state = try? JSONDecoder().decode(Installed.self, from: data) else {
      throw CocoaError(.fileReadCorruptFile)
    }
    return state
  }

  /// What a file holds; `nil` where there is none.
  ///
  /// - Throws: where it is there and cannot be read.
  private static func contents(of url: URL) throws -> Data? {
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    return try Data(contentsOf: url)
  }

  /// The version of the installed update; `nil` where the app's own model is used.
  public var installedVersion: Int? { (try? readState())?.version }

  private func store(_ state: Installed) throws {
    try JSONEncoder().encode(state).write(to: stateURL, options: .atomic)
  }

  /// Goes back to the app's own model. The versions that were installed stay refused.
  public func removeUpdate() throws {
    var state = try readState()
    (state.folder, state.version) = (nil, nil)
    try store(state)
    removeFolders(but: nil)
  }

  private func rollBack(_ reason: String) {
    Log.note("the update is removed: \(reason)")
    rolledBack = true
    try? removeUpdate()
  }

  private func removeFolders(but name: String?) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: updates.path)) ?? []
    for other in names where other != name {
      try? FileManager.default.removeItem(at: updates.appendingPathComponent(other))
    }
  }

  #if canImport(CryptoKit)
    /// Verifies an update, tests it on this device and puts it in the place of the present model.
    ///
    /// ``classifier()`` then opens it. An app that is stopped at any moment has the old model or
    /// the new one.
    ///
    /// - Parameter update: a folder that `edgeconv sign` wrote.
    /// - Returns: its version.
    /// - Throws: ``RefusedUpdate``; the present model stays.
    @discardableResult
    public func install(_ update: URL) async throws -> Int {
      let state: Installed
      do {
        state = try readState()
      } catch {
        throw RefusedUpdate(.storageFailed, "\(error)")
      }
      // A floor that a thief of the old key raised does not bind an app with another key.
      let isOurs = (state.publicKey ?? Contract.updateKey) == Contract.updateKey
      let floor = max(Contract.modelVersion, isOurs ? state.floor : 0)
      let check = UpdateCheck(floor: floor, appVersion: appVersion)
      let manifest = try check.manifest {
        try? Self.contents(of: update.appendingPathComponent($0))
      }
      let staged = updates.appendingPathComponent("staged-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: staged) }
      do {
        for path in manifest.files.map(\.path) + ["update.json", "update.sig"] {
          let place = staged.appendingPathComponent(path)
          try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
          try FileManager.default.copyItem(at: update.appendingPathComponent(path), to: place)
        }
      } catch {
        throw RefusedUpdate(.storageFailed, "\(error)")
      }
      let copied = try check.manifest { try? Self.contents(of: staged.appendingPathComponent($0)) }
      let file = try Self.file(of: copied, in: staged)
      let trial = folder.appendingPathComponent("update-test.json")
      let before = SelfTestRecord(contentsOf: trial)
      let (tested, _) = await test(file, key: key(of: file), before: before) { record in
        store(record, of: file.test, as: trial)
      }
      guard tested.chosen != nil else {
        throw RefusedUpdate(.selfTestFailed, "no unit passed", record: tested)
      }
      do {
        let name = "\(manifest.version)"
        let place = updates.appendingPathComponent(name)
        try? FileManager.default.removeItem(at: place)
        try FileManager.default.moveItem(at: staged, to: place)
        try store(
          Installed(
            folder: name, version: manifest.version, floor: manifest.version,
            publicKey: Contract.updateKey))
        removeFolders(but: name)
      } catch {
        throw RefusedUpdate(.storageFailed, "\(error)")
      }
      record = tested
      store(tested, of: file.test, as: recordURL)
      rolledBack = false
      return manifest.version
    }

    /// The installed update, if it is still what was signed.
    private func installed() -> ModelFile? {
      let state: Installed
      do {
        state = try readState()
      } catch {
        postpone(error)
        return nil
      }
      removeFolders(but: state.folder)
      guard let name = state.folder, let version = state.version else { return nil }
      if Contract.modelVersion >= version {  // the app came with a newer model
        try? removeUpdate()
        return nil
      }
      let place = updates.appendingPathComponent(name)
      do {
        let check = UpdateCheck(floor: version - 1, appVersion: appVersion)
        let manifest = try check.manifest {
          try Self.contents(of: place.appendingPathComponent($0))
        }
        return try Self.file(of: manifest, in: place)
      } catch let error as RefusedUpdate {
        rollBack("\(error)")
      } catch {
        postpone(error)
      }
      return nil
    }

    private static func file(of manifest: UpdateManifest, in place: URL) throws -> ModelFile {
      guard let data = try contents(of: place.appendingPathComponent(manifest.selfTest)),
        let test = try? SelfTest(data)
      else { throw RefusedUpdate(.damagedFile, manifest.selfTest) }
      return ModelFile(
        url: place.appendingPathComponent(manifest.artifact.name),
        sha256: manifest.artifact.sha256, test: test)
    }
  #else
    private func installed() -> ModelFile? { nil }
  #endif
}
