-- A code as a release has it, as a release lacks it that others have, and as known at all: what a record means by it
-- depends on the release of its day. Titles of a code that its own release lacks are those of the newest one.
with

codes as (
    select
        diagnosis_code,
        max_by(diagnosis_description, coalesce(release, '')) as diagnosis_description,
        max_by(chapter, coalesce(release, '')) as chapter,
        max_by(block, coalesce(release, '')) as block
    from {{ ref('cdm_diagnoses') }}
    group by diagnosis_code
),

releases as (
    select
        *,
        count(*) over () as release_count
    from {{ ref('int_diagnosis_releases') }}
),

-- With one release there is none that lacks a code of another.
lacking as (
    select
        codes.*,
        releases.release
    from releases
    cross join codes
    left join {{ ref('cdm_diagnoses') }} as diagnoses
        on codes.diagnosis_code = diagnoses.diagnosis_code and releases.release = diagnoses.release
    where releases.release_count > 1 and diagnoses.diagnosis_key is null
),

versions as (
    select
        diagnosis_key,
        diagnosis_code,
        diagnosis_description,
        chapter,
        block,
        release as icd_release,
        'in its release' as validity,
        coalesce(is_billable, false) as is_billable
    from {{ ref('cdm_diagnoses') }}

    union all

    select
        {{ generate_surrogate_key(['diagnosis_code', 'release']) }} as diagnosis_key,
        diagnosis_code,
        diagnosis_description,
        chapter,
        block,
        release as icd_release,
        'not in its release' as validity,
        false as is_billable
    from lacking

    union all

    select
        {{ generate_surrogate_key(['diagnosis_code', "'release not loaded'"]) }} as diagnosis_key,
        diagnosis_code,
        diagnosis_description,
        chapter,
        block,
        cast(null as string) as icd_release,
        'release not loaded' as validity,
        cast(null as boolean) as is_billable
    from codes
),

final as (
    select
        diagnosis_key,
        diagnosis_code,
        coalesce(diagnosis_description, 'Unknown') as diagnosis_description,
        coalesce(chapter, 'Unknown') as chapter,
        coalesce(block, 'Unknown') as block,
        icd_release,
        validity,
        is_billable
    from versions

    union all

    {{ special_members(
        ['diagnosis_key', 'diagnosis_code', 'diagnosis_description', 'chapter', 'block', 'icd_release', 'validity'],
        {'is_billable': 'false'}
    ) }}
)

select * from final
